//! The engine that is asked.

use config::Config;
use engine::{Choice, Engine, EngineArgs, EngineError, Info, Kind};
use toolkit::{Interrupt, Places};

/// The engine that is asked, and what it says of itself.
#[derive(Debug)]
pub struct Chosen {
    /// The engine.
    pub engine: Engine,
    /// What it says.
    pub info: Info,
}

/// Finds the engine that the other tools would use, and asks it about itself:
/// the one that is named, or else the first that answers. One call for each
/// engine that is tried.
pub fn choose(
    args: &EngineArgs,
    config: &Config,
    places: &Places,
    interrupt: &Interrupt,
) -> Result<Chosen, EngineError> {
    let ask = |engine: Engine| ask(engine.heeding(interrupt));
    let is_here = args.asked_host().unwrap_or(config.host.as_deref()).is_none();
    if args.asked().is_some() || config.engine.is_some() || !is_here {
        return ask(args.find(config, places)?);
    }
    let mut failed = EngineError::NoneInstalled;
    for kind in Kind::ALL {
        let args = EngineArgs { engine: Some(kind.name().to_owned()), ..args.clone() };
        match args.find(config, places).and_then(&ask) {
            Ok(chosen) => return Ok(chosen),
            Err(EngineError::Absent { .. }) => {}
            Err(error @ EngineError::Interrupted(_)) => return Err(error),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn ask(mut engine: Engine) -> Result<Chosen, EngineError> {
    let info = engine.info()?;
    // Known by now, and only judged.
    engine.learn_version()?;
    Ok(Chosen { engine, info })
}

/// Returns the engine of the other kind, if it is installed here.
pub(crate) fn other(kind: Kind) -> Option<Engine> {
    let other = Kind::ALL.into_iter().find(|other| *other != kind)?;
    Engine::find(Choice { asked: Some(other.name()), ..Choice::default() }).ok()
}
