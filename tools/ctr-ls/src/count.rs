//! What was refused, asked of the proxies.

use std::thread;

use document::containers::Listed;
use engine::{Engine, Managed, Verified};
use toolkit::Places;

/// Asks the proxy of each isolated container how much it has refused: one call for
/// each proxy that runs, all of them at once. One that does not answer is told as
/// one that does not run. What ctr-verify(1) has asked for, to see it refused, is
/// counted apart.
pub fn count(engine: &Engine, managed: &Managed, places: &Places, listed: &mut [Listed]) {
    thread::scope(|scope| {
        for each in listed {
            let Listed { name, isolation: Some(isolation), .. } = each else { continue };
            let proxy = managed.proxy(name).filter(|proxy| proxy.status == "running");
            let Some(proxy) = proxy else { continue };
            scope.spawn(move || {
                let Some(told) = engine.refusals(&proxy.id).ok().flatten() else { return };
                let directory = places.container(name).ok();
                let verified = directory.map(|path| Verified::of(&proxy.id, &path));
                let probes = verified.map_or(0, |verified| verified.since(&told.since));
                isolation.refused = Some(told.refused.saturating_sub(probes));
                isolation.probes = (probes > 0).then_some(probes);
            });
        }
    });
}
