//! What a person may choose: by flag, by environment, or in `config.toml`.

mod args;
mod check;
mod over;
mod sound;

use std::{net::IpAddr, path::PathBuf};

use config::Service;
use document::{
    audio::Audio,
    claude::{Claude, Secret},
    container::{Engine, Limits},
    policy::Isolation,
};
use template::Template;

pub(crate) use self::sound::PORT as AUDIO_PORT;
pub use self::{args::SettingsArgs, over::fill, sound::SoundArgs};
use crate::elsewhere::Elsewhere;

/// The settings that are in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The engine, where one is chosen.
    pub engine: Option<Engine>,
    /// Where the engine runs, if not here.
    pub elsewhere: Option<Elsewhere>,
    /// The template, where one is used.
    pub template: Option<document::template::Template>,
    /// The first part of the name.
    pub prefix: String,
    /// The image.
    pub image: String,
    /// The account in the container.
    pub user: String,
    /// The restart policy.
    pub restart: Option<String>,
    /// The address that ports are published on.
    pub address: IpAddr,
    /// How many offsets there are.
    pub blocks: Option<u16>,
    /// The ssh port at offset 0.
    pub ssh_start: u16,
    /// The web port at offset 0.
    pub web_start: u16,
    /// The audio port at offset 0.
    pub audio_start: u16,
    /// More services.
    pub services: Vec<Service>,
    /// The environment.
    pub env: Vec<(String, String)>,
    /// The limits.
    pub limits: Limits,
    /// What isolates the container, if anything does.
    pub isolation: Option<Isolation>,
    /// How sound leaves the container, if it does.
    pub audio: Option<Audio>,
    /// A Compose file that is laid over that of an isolated container.
    pub compose_override: Option<PathBuf>,
    /// The dotfiles.
    pub dotfiles: Option<PathBuf>,
    /// The file with the token for GitHub.
    pub token_file: Option<PathBuf>,
    /// Claude Code, if the container is to have it.
    pub claude: Option<Claude>,
    /// The secrets that the container may read.
    pub secrets: Vec<Secret>,
    /// The key to log in with.
    pub identity_file: Option<PathBuf>,
    /// The key that is authorised.
    pub authorized_key: Option<PathBuf>,
    /// The certificate's lifetime.
    pub validity_days: Option<u32>,
}

impl Settings {
    /// Notes that `template` is used; a recipe of its own makes an image of the
    /// one that would be used without.
    pub fn use_template(&mut self, template: &Template) {
        let mut section = template.section();
        if template.has_recipe() {
            let image = template.image(&self.image);
            section.base = Some(std::mem::replace(&mut self.image, image));
        }
        self.template = Some(section);
    }

    /// Lays `env` over the environment, the last value of a name winning.
    fn override_env(&mut self, env: Vec<(String, String)>) {
        for (name, value) in env {
            self.env.retain(|(old, _)| *old != name);
            self.env.push((name, value));
        }
    }
}
