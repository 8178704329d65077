# ---------------------------------------------------------------- mitmproxy, mended

REFUSED_BODY = 1 << 20
HELD_BODY = 4 << 20


def bound_refused_bodies():
    """Bound the body of a refused request, which mitmproxy reads before it
    answers. Those of others are streamed, and so are in nobody's memory."""
    original = HttpStream.check_body_size

    def check_body_size(self, request):
        if request and len(self.request_body_buf) > REFUSED_BODY:
            self.request_body_buf = type(self.request_body_buf)()
            error = ResponseProtocolError(self.stream_id, "refused by policy", 403)
            yield SendHttp(error, self.context.client)
            self.client_state = self.server_state = self.state_errored
            self.flow.live = False
            return True
        return (yield from original(self, request))

    HttpStream.check_body_size = check_body_size


def frame_bodies():
    """Frame the body of a request that came over HTTP/2 without a length.
    mitmproxy would send it bare over HTTP/1.1, where the server reads it as
    requests that nobody has decided on. An empty part would end it early."""
    original = Http1Client.send

    def send(self, event):
        if isinstance(event, RequestHeaders) and not event.end_stream:
            headers = event.request.headers
            if event.request.is_http2 and "content-length" not in headers:
                headers["transfer-encoding"] = "chunked"
        if not isinstance(event, RequestData) or event.data:
            yield from original(self, event)

    Http1Client.send = send


def bound_http2():
    """Read no more from one side while much waits for the other: HTTP/2 has
    windows of its own, and what a peer does not take yet, mitmproxy keeps."""
    begin, drain = _http2.Http2Connection.__init__, server.ConnectionHandler.drain_writers
    sessions = weakref.WeakValueDictionary()

    def initialise(self, context, connection):
        begin(self, context, connection)
        sessions[connection.id] = self.h2_conn

    def held(handler):
        task, size = asyncio.current_task(), 0
        for connection, side in handler.transports.items():
            if side.handler is not task and connection.id in sessions:
                buffers = sessions[connection.id].stream_buffers.values()
                size += sum(len(part.data) for buffer in buffers for part in buffer)
        return size

    async def drain_writers(self):
        await drain(self)
        # A stream that waits for ever must not hold up the others for ever.
        for _ in range(100):
            if held(self) <= HELD_BODY:
                break
            await asyncio.sleep(0.01)

    _http2.Http2Connection.__init__ = initialise
    server.ConnectionHandler.drain_writers = drain_writers


def drop_trailers():
    """Leave out trailers where HTTP/1 is read: mitmproxy would raise an
    exception, and the connection would hang."""

    class Reader(_http1.ChunkedReader):
        def __call__(self, buffer):
            event = super().__call__(buffer)
            end = _http1.h11.EndOfMessage
            return end() if isinstance(event, end) else event

    _http1.ChunkedReader = Reader


def answer_failures(gate):
    """Answer what could not be reached in the way of a refusal."""
    original = HttpStream.handle_protocol_error

    def handle_protocol_error(self, event):
        answer, client, number = None, self.context.client, self.stream_id
        if isinstance(event, ResponseProtocolError) and self.flow.response is None:
            answer = gate.unreached(self.flow, event.message)
        for command in original(self, event):
            to_client = isinstance(command, SendHttp) and command.connection is client
            if not (answer and to_client and command.event is event):
                yield command
                continue
            yield SendHttp(ResponseHeaders(number, answer, not answer.raw_content), client)
            if answer.raw_content:
                yield SendHttp(ResponseData(number, answer.raw_content), client)
            yield SendHttp(ResponseEndOfMessage(number), client)

    HttpStream.handle_protocol_error = handle_protocol_error


def note_malformed(gate):
    """Have recorded what mitmproxy turns away before there is a request."""
    read_headers, protocol_error = Http1Server.read_headers, Http2Server.protocol_error
    begin = HttpStream.state_wait_for_request_headers

    def read_http1(self, event):
        cut_short = isinstance(event, events.ConnectionClosed) and bytes(self.buf).strip()
        yield from read_headers(self, event)
        if cut_short or (self.state == self.done and self.request is None):
            gate.malformed(self.context.client)

    def fail_http2(self, *arguments):
        gate.malformed(self.context.client)
        yield from protocol_error(self, *arguments)

    def begin_stream(self, event):
        yield from begin(self, event)
        seen = "ctrkit" in self.flow.metadata or self.flow.request.method == "CONNECT"
        if self.client_state == self.state_errored and not seen:
            gate.malformed(self.context.client)

    Http1Server.read_headers, Http2Server.protocol_error = read_http1, fail_http2
    HttpStream.state_wait_for_request_headers = begin_stream


def count_passed(gate):
    """Count the bytes of what is passed through, of which there is no flow."""
    original = layers.TCPLayer.relay_messages

    def relay_messages(self, event):
        tunnel = gate.tunnels.get(self.context.client.id)
        if tunnel is not None and isinstance(event, events.DataReceived):
            ours = event.connection is self.context.client
            count(tunnel.record, "sent" if ours else "received", event.data)
        yield from original(self, event)

    layers.TCPLayer.relay_messages = relay_messages


def mend(gate):
    """Do what mitmproxy leaves undone."""
    bound_refused_bodies()
    bound_http2()
    frame_bodies()
    drop_trailers()
    answer_failures(gate)
    note_malformed(gate)
    count_passed(gate)
