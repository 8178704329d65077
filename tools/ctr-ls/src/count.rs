//! What was refused, asked of the proxies.

use std::thread;

use document::containers::Listed;
use engine::{Engine, Managed};

/// Asks the proxy of each isolated container how much it has refused: one call for
/// each proxy that runs, all of them at once. One that does not answer is told as
/// one that does not run.
pub fn count(engine: &Engine, managed: &Managed, listed: &mut [Listed]) {
    thread::scope(|scope| {
        for each in listed {
            let Some(isolation) = &mut each.isolation else { continue };
            let proxy = managed.proxy(&each.name).filter(|proxy| proxy.status == "running");
            let Some(proxy) = proxy else { continue };
            scope.spawn(move || {
                let told = engine.refusals(&proxy.id).ok().flatten();
                isolation.refused = told.map(|told| told.refused);
            });
        }
    });
}
