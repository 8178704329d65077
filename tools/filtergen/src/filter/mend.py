# ---------------------------------------------------------------- mitmproxy, mended

# How much of a refused body is read before it is answered. Of a push it is much:
# git reads the answer when it has sent everything, and not before.
REFUSED_BODY, REFUSED_PUSH = 1 << 20, 4 << 30
EARLY_ANSWER = 1 << 20
HELD_BODY, QUEUED_BODY = 4 << 20, 1 << 18


def hold_bodies(gate):
    """Hold what must be looked at before it goes out, and no more of it than
    the gate says. Of a refused request nothing is held: mitmproxy would keep its
    whole body before it answers. Those of others are streamed."""
    consume = HttpStream.state_consume_request_body

    def state_consume_request_body(self, event):
        flow = self.flow
        if flow.metadata.get("ctrkit.upload") is not None and flow.response is None:
            return (yield from begin_push(self, event, gate, consume))
        if not isinstance(event, RequestData):
            return (yield from consume(self, event))
        if flow.response is None and gate.hold(flow, len(event.data)):
            return (yield from consume(self, event))
        self.request_body_buf = type(self.request_body_buf)()
        dropped = flow.metadata.get("ctrkit.dropped", 0) + len(event.data)
        flow.metadata["ctrkit.dropped"] = dropped
        most = REFUSED_PUSH if "ctrkit.upload" in flow.metadata else REFUSED_BODY
        if dropped > most:
            yield from answer_early(self)
        return None

    HttpStream.state_consume_request_body = state_consume_request_body


def answer_early(self):
    """Answer a request whose body goes on, of which the rest is dropped."""
    client, number, answer = self.context.client, self.stream_id, self.flow.response
    yield HttpResponseHook(self.flow)
    yield SendHttp(ResponseHeaders(number, answer, not answer.raw_content), client)
    if answer.raw_content:
        yield SendHttp(ResponseData(number, answer.raw_content), client)
    yield SendHttp(ResponseEndOfMessage(number), client)
    self.client_state = self.server_state = self.state_errored
    self.flow.live = False
    yield DropStream(number)


def begin_push(self, event, gate, consume):
    """Hold a push until its commands are decided on, and then send it on."""
    flow, upload = self.flow, self.flow.metadata["ctrkit.upload"]
    if isinstance(event, RequestData):
        if not gate.feed(flow, event.data):
            return
        flow.request.stream, start = upload.pass_on, bytes(upload.start) + event.data
        upload.start = None
        yield from self.start_request_stream()
        if self.client_state == self.state_stream_request_body:
            yield SendHttp(RequestData(self.stream_id, upload.pass_on(start)), self.context.server)
        return
    if isinstance(event, RequestEndOfMessage) and gate.finish_push(flow):
        gate.refuse_push(flow, "it has no commands")
    yield from consume(self, event)


def carry_pushes(gate):
    """Send a push on as it comes, but for its end: that waits for the verdict on
    the whole, and so does the answer of the server. A push that is refused on
    the way is cut off there, and the client still has its answer."""
    stream, handle = HttpStream.state_stream_request_body, HttpStream._handle_event
    answers = (ResponseHeaders, ResponseData, ResponseTrailers, ResponseEndOfMessage)

    def state_stream_request_body(self, event):
        flow, upload = self.flow, self.flow.metadata.get("ctrkit.upload")
        if upload is None:
            return (yield from stream(self, event))
        if isinstance(event, RequestData) and gate.feed(flow, event.data) is not False:
            return (yield from stream(self, event))
        if isinstance(event, RequestEndOfMessage) and gate.finish_push(flow):
            upload.ended = True  # so that the rest is sent
            yield from stream(self, event)
            for early in upload.answer:
                yield from handle(self, early)
            return None
        if flow.response is not None:
            yield from cut(self, upload)
            yield from self.client_state(event)
        return None

    def cut(self, upload):
        upload.is_cut = True
        error = RequestProtocolError(self.stream_id, "refused by policy")
        yield SendHttp(error, self.context.server)
        self.client_state = self.state_consume_request_body

    def _handle_event(self, event):
        flow = getattr(self, "flow", None)
        upload = flow and flow.metadata.get("ctrkit.upload")
        if not upload or upload.ended or not isinstance(event, (*answers, ResponseProtocolError)):
            return (yield from handle(self, event))
        if upload.is_cut:
            return None
        if isinstance(event, answers):
            upload.answer.append(event)
            if sum(len(getattr(one, "data", b"")) for one in upload.answer) > EARLY_ANSWER:
                gate.refuse_push(flow, "the server answers at length before it has all")
                yield from cut(self, upload)
        elif not any(isinstance(one, ResponseEndOfMessage) for one in upload.answer):
            upload.is_cut = True
            yield from handle(self, event)
        return None

    HttpStream.state_stream_request_body = state_stream_request_body
    HttpStream._handle_event = _handle_event


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


def bound_queues():
    """Read no more from one side while much waits for the other. HTTP/2 has
    windows of its own, and what a peer does not take yet, mitmproxy keeps; so it
    does with what comes for a server that is not reached yet."""
    begin, drain = _http2.Http2Connection.__init__, server.ConnectionHandler.drain_writers
    begin_stream = HttpStream.__init__
    sessions, streams = weakref.WeakValueDictionary(), weakref.WeakKeyDictionary()

    def initialise(self, context, connection):
        begin(self, context, connection)
        sessions[connection.id] = self.h2_conn

    def initialise_stream(self, context, *arguments):
        begin_stream(self, context, *arguments)
        streams.setdefault(context.client, weakref.WeakSet()).add(self)

    def kept(handler, task):
        size = 0
        for connection, side in handler.transports.items():
            if side.handler is not task and connection.id in sessions:
                buffers = sessions[connection.id].stream_buffers.values()
                size += sum(len(part.data) for buffer in buffers for part in buffer)
        return size

    def queued(handler):
        found = (stream._paused_event_queue for stream in streams.get(handler.client, ()))
        return sum(len(one.data) for queue in found for one in queue if isinstance(one, RequestData))

    async def drain_writers(self):
        await drain(self)
        task, side = asyncio.current_task(), self.transports.get(self.client)
        ours = side is not None and side.handler is task
        for turn in itertools.count():
            if kept(self, task) <= HELD_BODY and not (ours and queued(self) > QUEUED_BODY):
                break
            # One stream that waits for ever must not hold up others for ever.
            if turn >= 100 and not (ours and self.client.alpn != b"h2"):
                break
            await asyncio.sleep(0.01)

    _http2.Http2Connection.__init__ = initialise
    HttpStream.__init__ = initialise_stream
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
    hold_bodies(gate)
    carry_pushes(gate)
    bound_queues()
    frame_bodies()
    drop_trailers()
    answer_failures(gate)
    note_malformed(gate)
    count_passed(gate)
