//! ctr-template(1): list, show, make, check and fill in templates of containers.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, Parser, Subcommand};
use ctr_template::{Error, Policies};
use document::{Container, Received, Templates};
use template::{Library, render::Variables};
use toolkit::{Common, Events, Exit, Places, Tool};

/// List, show, make, check and fill in templates of containers
///
/// A template is a directory that says what a container is made from: the
/// recipe of its image, files of its home, policies, limits. ctr-spec uses one.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
#[command(mut_args(|option: Arg| option.global(true)))]
struct CtrTemplate {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the templates that there are
    List {
        /// Write them as templates/1
        #[arg(long)]
        json: bool,
    },

    /// Show what a template says and has
    Show {
        /// The template: a name, or the path of a directory
        #[arg(value_name = "TEMPLATE")]
        name: String,

        /// Write it as templates/1
        #[arg(long)]
        json: bool,
    },

    /// Make a template of one's own
    New {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,

        /// Begin with the files of TEMPLATE: a name, or the path of a directory
        #[arg(long, value_name = "TEMPLATE", default_value = "basic")]
        from: String,
    },

    /// Say what is wrong with templates, and nothing where nothing is
    Check {
        /// A template: a name, or the path of a directory
        #[arg(value_name = "TEMPLATE", required = true)]
        names: Vec<String>,
    },

    /// Fill in a person's own files with what a document says
    ///
    /// Reads a container/1 document on standard input.
    Render {
        /// Fill FILE in, and write it to standard output
        #[arg(value_name = "FILE", required_unless_present = "output")]
        file: Option<PathBuf>,

        /// Fill in the files of the document's template, and write them into DIR
        #[arg(long, value_name = "DIR", conflicts_with = "file")]
        output: Option<PathBuf>,

        /// Replace files that are in DIR already
        #[arg(long, requires = "output")]
        force: bool,
    },
}

impl Tool for CtrTemplate {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let library = Library::new(&self.places)?;
        match &self.verb {
            Verb::List { json } => {
                let list = ctr_template::list(&library)?;
                self.tell(list, *json, ctr_template::table)?;
            }
            Verb::Show { name, json } => {
                let template = ctr_template::find(&library, name)?;
                let list = Templates::new(vec![ctr_template::listed(&template)]);
                self.tell(list, *json, |_| ctr_template::show(&template))?;
            }
            Verb::New { name, from } => {
                let from = ctr_template::find(&library, from)?;
                let path = ctr_template::create(&library, name, &from)?;
                toolkit::write_text(&format!("{}\n", path.display()))?;
            }
            Verb::Check { names } => {
                let policies = Policies { directory: self.places.config()?.join("policies") };
                for name in names {
                    ctr_template::check(&ctr_template::find(&library, name)?, &policies)?;
                }
            }
            Verb::Render { file, output, force } => {
                self.render(&library, file.as_deref(), output.as_deref(), *force)?;
            }
        }
        Ok(Exit::Success)
    }
}

impl CtrTemplate {
    fn tell(
        &self,
        list: Templates,
        json: bool,
        text: impl Fn(&Templates) -> String,
    ) -> Result<(), Error> {
        match json {
            true => toolkit::write(&Received::from(list))?,
            false => toolkit::write_text(&text(&list))?,
        }
        Ok(())
    }

    fn render(
        &self,
        library: &Library,
        file: Option<&Path>,
        output: Option<&Path>,
        force: bool,
    ) -> Result<(), Error> {
        let document: Received<Container> = toolkit::read()?;
        let variables = Variables::of(&document);
        if let Some(file) = file {
            toolkit::write_text(&ctr_template::render_file(file, &variables)?)?;
        }
        let Some(output) = output else { return Ok(()) };
        let section = document.template.as_ref().ok_or(Error::NoTemplate)?;
        let template = library.of(section)?;
        let rendered = ctr_template::render_template(&template, &variables)?;
        for path in ctr_template::write(&rendered, output, force)? {
            toolkit::write_text(&format!("{}\n", path.display()))?;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrTemplate>()
}
