//! The options of every tool that calls an engine.

use clap::Args;

use crate::{Choice, Engine, EngineError};

/// Options of the tools that call an engine.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Use ENGINE: podman, docker, or the path of such a program
    /// [default: the document's, the configuration's, or one that answers]
    #[arg(long, value_name = "ENGINE", env = "CTRKIT_ENGINE")]
    pub engine: Option<String>,
}

impl EngineArgs {
    /// Finds the engine for a tool that has a document.
    pub fn for_document(
        &self,
        section: Option<&document::container::Engine>,
    ) -> Result<Engine, EngineError> {
        Engine::find(Choice { asked: self.asked(), document: section, configured: None })
    }

    /// Finds the engine for a tool without a document; `configured` is what
    /// the configuration file says.
    pub fn find(&self, configured: Option<&str>) -> Result<Engine, EngineError> {
        Engine::find(Choice { asked: self.asked(), document: None, configured })
    }

    /// Returns what was asked for; an empty variable asks for nothing.
    #[must_use]
    pub fn asked(&self) -> Option<&str> {
        self.engine.as_deref().filter(|engine| !engine.is_empty())
    }
}
