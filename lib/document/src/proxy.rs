//! Where things are in the proxy of an isolated container.

/// The Python that has mitmproxy.
pub const PYTHON: &str = "/opt/mitmproxy/bin/python3";

/// The directory with the filter.
pub const DIRECTORY: &str = "/etc/ctrkit/proxy";

/// The filter, which filtergen(1) has written.
pub const FILTER: &str = "/etc/ctrkit/proxy/filter.py";

/// The record of what was asked for; older parts of it are `FILE.1` and so on.
pub const REQUESTS: &str = "/var/lib/ctrkit/log/requests.jsonl";

/// Where the proxy says what is in force, and what came of it.
pub const STATUS: &str = "/var/lib/ctrkit/status";

/// The values of the secrets, by their ids.
pub const SECRETS: &str = "/var/lib/ctrkit/secrets";

/// What a container has in the place of a secret.
pub const PLACEHOLDER: &str = "ctrkit-placeholder";
