//! The six things that portalloc does, each from its input to its output.

use document::{Container, Ports, Received, event::Status};
use engine::{EngineArgs, Link};
use toolkit::{ErrorFormat, Events, Places, files};

use crate::{
    BLOCKS, Block, Engines, Error, Machine, Options, PLAIN, Request, Service, Store, adoption_of,
    collect, fill_in, hold, look, plain, rehearse, release, request_of, shell, table, usual,
    wanted, with_services,
};

/// What all of them need.
#[derive(Debug)]
pub struct Work<'a> {
    options: &'a Options,
    places: &'a Places,
    engine: &'a EngineArgs,
    format: ErrorFormat,
    store: Store,
}

impl<'a> Work<'a> {
    /// Finds the ledger; nothing is read or made yet.
    pub fn new(
        options: &'a Options,
        places: &'a Places,
        engine: &'a EngineArgs,
        format: ErrorFormat,
    ) -> Result<Self, Error> {
        let store = Store::new(places.ledger()?);
        Ok(Self { options, places, engine, format, store })
    }

    /// Reserves for the document on standard input, and fills it in.
    pub fn document(&self, events: &mut Events) -> Result<(), Error> {
        let mut container: Received<Container> = toolkit::read()?;
        events.about(&container.name);
        if self.options.adopt {
            return self.adopt(container, events);
        }
        let ports = with_services(&container.ports, &self.options.service)?;
        let section = container.engine.clone();
        let machine = self.machine(section.as_ref())?;
        let request = request_of(&container, machine, self.options.blocks, wanted(&ports)?)?;
        if self.options.shell {
            return self.shell(&request, section.as_ref(), events);
        }
        let block = self.hold(&request, section.as_ref(), events)?;
        fill_in(&mut container, ports, &block.ports);
        Ok(toolkit::write(&container)?)
    }

    /// Reserves the ports that the document has already.
    fn adopt(&self, mut container: Received<Container>, events: &mut Events) -> Result<(), Error> {
        let section = container.engine.clone();
        let machine = Machine::of(section.as_ref().and_then(|engine| engine.host.as_deref()))?;
        let request = adoption_of(&container, machine)?;
        let block = self.hold(&request, section.as_ref(), events)?;
        let ports = container.ports.clone();
        fill_in(&mut container, ports, &block.ports);
        Ok(toolkit::write(&container)?)
    }

    /// Reserves for a plain name, and writes what it has.
    pub fn plain(&self, name: &str, events: &mut Events) -> Result<(), Error> {
        events.about(name);
        let services = match self.options.service.as_slice() {
            [] => &usual(),
            services => services,
        };
        let ports: Vec<_> = services.iter().map(Service::into_port).collect();
        let request = Request {
            key: format!("{PLAIN}{name}"),
            name: name.to_owned(),
            path: None,
            machine: self.usual_machine()?,
            blocks: self.options.blocks.unwrap_or(BLOCKS),
            wanted: wanted(&ports)?,
        };
        if self.options.shell {
            return self.shell(&request, None, events);
        }
        let block = self.hold(&request, None, events)?;
        Ok(toolkit::write(&plain(&request, &block.ports).into())?)
    }

    /// Gives up the reservation of a key or name; there need not be one.
    pub fn release(&self, what: &str, events: &mut Events) -> Result<(), Error> {
        events.about(what);
        let machine = self.usual_machine()?;
        let engines = self.engines(None, &machine);
        let released =
            self.store.update(None, &engines, |ledger| release(ledger, &machine, what))?;
        if !released {
            toolkit::warn("portalloc", self.format, &format!("nothing is reserved for '{what}'"));
        }
        events.emit("release", if released { Status::Done } else { Status::Unchanged }, None);
        Ok(())
    }

    /// Writes all reservations.
    pub fn list(&self) -> Result<(), Error> {
        let ledger = look(&self.store, &self.engines(None, &Machine::Here))?;
        self.write(ledger)
    }

    /// Gives up what nobody needs any more, and writes what that was.
    pub fn gc(&self, events: &mut Events) -> Result<(), Error> {
        let machine = self.usual_machine()?;
        let engines = self.engines(None, &machine);
        // All engines answer, or nothing is given up.
        let containers = engines.present()?;
        let dropped = self.store.update(None, &engines, |ledger| {
            Ok(collect(ledger, &machine, &containers, files::is_gone))
        })?;
        let status = if dropped.is_empty() { Status::Unchanged } else { Status::Done };
        events.emit("gc", status, Some(format!("{} given up", dropped.len())));
        self.write(Ports { reservations: dropped, ..Ports::empty() })
    }

    /// Writes a ledger as it was asked for.
    fn write(&self, ledger: Ports) -> Result<(), Error> {
        match self.options.json {
            true => toolkit::write(&ledger.into())?,
            false => toolkit::write_text(&table(&ledger))?,
        }
        Ok(())
    }

    /// Reserves, and writes lines for a shell.
    fn shell(
        &self,
        request: &Request,
        section: Option<&document::container::Engine>,
        events: &mut Events,
    ) -> Result<(), Error> {
        let variables = shell::variables(&request.wanted)?;
        let block = self.hold(request, section, events)?;
        Ok(toolkit::write_text(&shell::lines(&variables, &block.ports))?)
    }

    /// Reserves, and tells whoever listens to the events.
    fn hold(
        &self,
        request: &Request,
        section: Option<&document::container::Engine>,
        events: &mut Events,
    ) -> Result<Block, Error> {
        let engines = self.engines(section, &request.machine);
        if self.options.dry_run {
            let block = rehearse(&self.store, &engines, request)?;
            events.emit("dry-run", Status::Done, None);
            return Ok(block);
        }
        events.emit("reserve", Status::Started, None);
        let link = self.link(section)?;
        let held = hold(&self.store, &engines, request, link.as_ref());
        match &held {
            Ok(Block { unchanged: true, .. }) => events.emit("reserve", Status::Unchanged, None),
            Ok(_) => events.emit("reserve", Status::Done, None),
            Err(error) => events.emit("reserve", Status::Failed, Some(error.to_string())),
        }
        held
    }

    /// Returns the machine that was asked for, else that of the document.
    fn machine(&self, section: Option<&document::container::Engine>) -> Result<Machine, Error> {
        let host = || section.and_then(|section| section.host.as_deref());
        Machine::of(self.engine.asked_host().unwrap_or_else(host))
    }

    /// Returns the machine that was asked for, else that of the configuration:
    /// there is no document.
    fn usual_machine(&self) -> Result<Machine, Error> {
        let config = config::read(self.places)?;
        Machine::of(self.engine.asked_host().unwrap_or(config.host.as_deref()))
    }

    /// Returns the way to the machine that is meant, if it is another.
    fn link(&self, section: Option<&document::container::Engine>) -> Result<Option<Link>, Error> {
        match self.options.plain {
            Some(_) => Ok(self.engine.link_by(&config::read(self.places)?, self.places)?),
            None => Ok(self.engine.link_of(section, self.places)?),
        }
    }

    fn engines<'b>(
        &'b self,
        document: Option<&'b document::container::Engine>,
        machine: &'b Machine,
    ) -> Engines<'b> {
        Engines { args: self.engine, places: self.places, document, machine, format: self.format }
    }
}
