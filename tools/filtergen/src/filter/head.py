#!/usr/bin/env python3
# ctrkit-filter/1 sha256:@DIGEST@
"""The egress proxy of one container: mitmproxy, and a policy that decides.

Run it: `python3 -I filter.py --listen 0.0.0.0:8080 --confdir DIR --log FILE`.

It is a program and not a script for mitmdump: a script that fails to load, or
that is deleted, is unloaded, and then everything passes. Here there is nothing
to unload. A file that is cut short ends in no proxy at all, and a policy that
is replaced while the proxy runs is read as data and never run as code.

Everything is refused that the policy does not name, and everything that is not
understood. A hook that fails refuses too, because mitmproxy itself goes on.
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import functools
import hashlib
import ipaddress
import itertools
import json
import os
import re
import signal
import socket
import sys
import time
import urllib.parse
import weakref

try:
    if {"--probe", "--keep-secrets"} & set(sys.argv):  # no proxy: half a second of imports is saved
        raise ModuleNotFoundError
    from mitmproxy import http, version
    from mitmproxy.addons import block, core, errorcheck, next_layer, proxyserver, tlsconfig
    from mitmproxy.master import Master
    from mitmproxy.options import Options
    from mitmproxy.proxy import commands, events, layer, layers, server
    from mitmproxy.proxy.layers import modes
    from mitmproxy.proxy.layers.http import (
        DropStream,
        Http1Client,
        Http1Server,
        Http2Server,
        HTTPMode,
        HttpResponseHook,
        HttpStream,
        RequestData,
        RequestEndOfMessage,
        RequestHeaders,
        RequestProtocolError,
        ResponseData,
        ResponseEndOfMessage,
        ResponseHeaders,
        ResponseProtocolError,
        ResponseTrailers,
        SendHttp,
        _http1,
        _http2,
    )

    Layer = layer.Layer
except ModuleNotFoundError:  # the decision can be asked where there is no proxy
    version, Layer = None, object

# Data, which is never run; filtergen(1) writes it and gives it back.
POLICY = r'''
@POLICY@
'''
