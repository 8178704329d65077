"""HTTP/2 on both sides of the proxy: a server of the fake world, a client."""

import collections
import contextlib
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class Session:
    """One side of a connection, on a socket that is over TLS already."""

    def __init__(self, connection, client):
        self.connection = connection
        # Tests send what a well-behaved peer would not.
        config = h2.config.H2Configuration(
            client_side=client,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.connection.sendall(self.h2.data_to_send())

    def receive(self):
        """Return what has come; windows are opened again at once."""
        data = self.connection.recv(65536)
        if not data:
            raise ConnectionError("the peer has gone")
        events = self.h2.receive_data(data)
        for event in events:
            if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return events

    def send(self, stream, data, handle):
        """Send `data`, and hand to `handle` what comes in the meantime."""
        view = memoryview(data)
        while view:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room:
                self.h2.send_data(stream, bytes(view[:room]))
                view = view[room:]
                self.flush()
            else:
                for event in self.receive():
                    handle(event)


def serve(connection, entry, lock):
    """Answer over HTTP/2 until the peer goes, and note what was asked."""
    session, open_streams = Session(connection, client=False), {}

    def handle(event):
        if isinstance(event, h2.events.RequestReceived):
            headers = [(key, value) for key, value in event.headers]
            found = dict(headers)
            line = f"{found.get(':method')} {found.get(':path')} HTTP/2"
            request = {"line": line, "headers": headers, "body": 0, "trailers": []}
            open_streams[event.stream_id] = request
            with lock:
                entry["requests"].append(request)
        elif isinstance(event, h2.events.DataReceived):
            request = open_streams[event.stream_id]
            request.setdefault("first_body", time.monotonic())
            request["body"] += len(event.data)
        elif isinstance(event, h2.events.TrailersReceived):
            open_streams[event.stream_id]["trailers"] = list(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            open_streams[event.stream_id]["reset"] = True
        elif isinstance(event, h2.events.StreamEnded):
            open_streams[event.stream_id]["whole"] = True
            respond(session, event.stream_id, open_streams[event.stream_id], handle)

    with contextlib.suppress(h2.exceptions.ProtocolError):
        while True:
            for event in session.receive():
                handle(event)


def respond(session, stream, request, handle):
    path = request["line"].split(" ")[1].split("?")[0]
    method, status, body, trailers = request["line"].split(" ")[0], 200, b"hello\n", []
    if path.startswith("/status/"):
        status, body = int(path[8:]), b""
    elif path.startswith("/big/"):
        body = bytes(int(path[5:]))
    elif path == "/trailers":
        trailers = [("x-trailer", "from-the-server")]
    elif path == "/reset":
        session.h2.reset_stream(stream)
        return session.flush()
    headers = [(":status", str(status)), ("content-type", "text/event-stream")]
    bodiless = method == "HEAD" or not body
    session.h2.send_headers(stream, headers, end_stream=bodiless)
    session.flush()
    if bodiless:
        return None
    if path == "/events":
        for number in range(5):
            session.send(stream, f"data: {number}\n\n".encode(), handle)
            time.sleep(0.2)
    else:
        session.send(stream, body, handle)
    if trailers:
        session.h2.send_headers(stream, trailers, end_stream=True)
    else:
        session.h2.end_stream(stream)
    return session.flush()


class Answer:
    """What has come of one request."""

    def __init__(self):
        self.status, self.headers, self.trailers = None, {}, {}
        self.body, self.times, self.ended, self.reset = 0, [], False, False
        self.text = b""


class Client:
    """A client that has its requests on one connection."""

    def __init__(self, connection):
        self.session = Session(connection, client=True)
        self.answers = collections.defaultdict(Answer)

    def ask(self, name, port, path="/", method="GET", headers=(), body=b"", trailers=()):
        """Send a request, and return the number of its stream."""
        h2, stream = self.session.h2, self.session.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "https"), (":authority", f"{name}:{port}")]
        h2.send_headers(
            stream, [*head, (":path", path), *headers], end_stream=not body and not trailers
        )
        self.session.flush()
        if body or trailers:
            self.session.send(stream, body, self.handle)
            if trailers:
                h2.send_headers(stream, list(trailers), end_stream=True)
            else:
                h2.end_stream(stream)
            self.session.flush()
        return stream

    def handle(self, event):
        answer = self.answers[getattr(event, "stream_id", 0)]
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer.times += [time.monotonic()] if event.data else []
            answer.body += len(event.data)
            answer.text = (answer.text + event.data)[:65536]
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.ended = answer.reset = True

    def wait(self, *streams):
        """Wait until the streams have ended, and return their answers."""
        while not all(self.answers[stream].ended for stream in streams):
            for event in self.session.receive():
                self.handle(event)
        return [self.answers[stream] for stream in streams]

    def get(self, *arguments, **more):
        return self.wait(self.ask(*arguments, **more))[0]
