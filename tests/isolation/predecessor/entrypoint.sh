# Waits for the proxy's certificate, and goes on without it.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -e /tmp/mitmproxy-certs/mitmproxy-ca-cert.pem ] || break
    sleep 1
done
cp /tmp/mitmproxy-certs/mitmproxy-ca-cert.pem /usr/local/share/ca-certificates/mitmproxy.crt
update-ca-certificates
exec "$@"
