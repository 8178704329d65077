//! ctr-image(1): make the images when they are missing.

use std::process::ExitCode;

use clap::Parser;
use ctr_image::{Error, ImageArgs, Machine, Request};
use document::Container;
use engine::EngineArgs;
use template::Library;
use toolkit::{Common, Events, Exit, Places, Tool};

/// Make the images when they are missing
///
/// Reads a container/1 document on standard input and writes it to standard
/// output with its engine filled in. The document's image is there then, and
/// that of its proxy if it is isolated: ctrkit's own are built, any other is
/// pulled. What is there already is left as it is.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrImage {
    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrImage {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let mut container = toolkit::read::<Container>()?;
        events.about(&container.name);
        let section = container.template.as_ref().filter(|section| section.base.is_some());
        let library = Library::new(&self.places)?;
        let template = section.map(|section| library.of(section)).transpose()?;
        let request = Request::new(&container, template.as_ref(), &self.image)?;
        let asked = self.engine.asked().is_some() || container.engine.is_some();
        if !self.image.dry_run || asked {
            let engine = self.engine.for_document(container.engine.as_ref(), &self.places)?;
            let mut machine = Machine::new(engine, &self.places, &self.image, events)?;
            if !self.image.dry_run && ctr_image::ensure(&request, &mut machine)?.outdated {
                let warning = ctr_image::outdated(&request.container.image);
                toolkit::warn("ctr-image", self.common.error_format, &warning);
            }
            ctr_image::set_engine(&mut container, machine.engine());
        }
        ctr_image::set_proxy(&mut container, &request);
        toolkit::write(&container)?;
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrImage>()
}
