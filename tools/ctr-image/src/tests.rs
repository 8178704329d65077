//! Tests of what is decided, with a world that only takes notes.

use std::collections::BTreeMap;

use document::{Container, container::Project};
use engine::EngineError;
use template::Library;
use toolkit::Failure;

use super::*;

/// A world with some images, in which registries answer or do not.
#[derive(Debug, Default)]
struct Notes {
    images: BTreeMap<String, Image>,
    offline: bool,
    packageless: bool,
    /// What another process makes while its turn is waited for.
    meanwhile: Option<String>,
    done: Vec<String>,
}

impl Notes {
    fn with(images: &[&str]) -> Self {
        let images = images.iter().map(|name| ((*name).to_owned(), Image::default()));
        Self { images: images.collect(), ..Self::default() }
    }

    fn label(mut self, image: &str, label: &str, value: &str) -> Self {
        let image = self.images.entry(image.to_owned()).or_default();
        image.labels.insert(label.to_owned(), value.to_owned());
        self
    }

    fn make(&mut self, deed: &str, name: &str) {
        self.done.push(format!("{deed} {name}"));
        self.images.insert(name.to_owned(), Image::default());
    }
}

impl World for Notes {
    fn image(&mut self, name: &str) -> Result<Option<Image>, Error> {
        self.done.push(format!("ask {name}"));
        Ok(self.images.get(name).cloned())
    }

    fn suite(&self) -> String {
        "bookworm".to_owned()
    }

    fn alone(&mut self) -> Result<(), Error> {
        self.done.push("alone".to_owned());
        if let Some(name) = self.meanwhile.take() {
            self.images.insert(name, Image::default());
        }
        Ok(())
    }

    fn unchanged(&mut self) {
        self.done.push("unchanged".to_owned());
    }

    fn pull(&mut self, name: &str) -> Result<(), Error> {
        if self.offline {
            self.done.push(format!("fail to pull {name}"));
            let source = EngineError::NoneAnswers;
            return Err(Error::Pull { image: name.to_owned(), source });
        }
        self.make("pull", name);
        Ok(())
    }

    fn bootstrap(&mut self, suite: &str, name: &str) -> Result<(), Error> {
        if self.packageless {
            return Err(Error::DebootstrapAbsent);
        }
        self.make(&format!("bootstrap {suite}"), name);
        Ok(())
    }

    fn build(&mut self, recipe: &Recipe) -> Result<(), Error> {
        let whom = match &recipe.role {
            Role::Container { user } => user,
            Role::Proxy => "the proxy",
            Role::Template { .. } => "a template",
        };
        self.make(&format!("build upon {} for {whom}:", recipe.base), &recipe.image);
        if let Role::Template { upon, .. } = &recipe.role {
            let image = self.images.get_mut(&recipe.image).unwrap();
            image.labels.insert(LABEL_UPON.to_owned(), upon.clone());
        }
        Ok(())
    }
}

fn container(image: &str, user: &str) -> Container {
    let project = Project {
        path: "/a".into(),
        name: "a".into(),
        hash: "0".into(),
        branch: None,
        extra: document::Extra::new(),
    };
    let mut container = Container::new("dev-a-0".into(), project);
    container.image = Some(image.to_owned());
    container.user = Some(user.to_owned());
    container
}

fn request(image: &str, args: &ImageArgs) -> Request {
    Request::new(&container(image, "dev"), None, args).unwrap()
}

/// Returns a container that is isolated, by a proxy with the image `image`.
fn isolated(image: Option<&str>) -> Container {
    let mut container = container(BASE, "dev");
    let (mode, image) = ("proxy".to_owned(), image.map(str::to_owned));
    container.isolation = Some(Isolation { mode, image, ..Isolation::default() });
    container
}

/// Checks what is done for `container`, questions included.
#[track_caller]
fn check_isolated(container: &Container, args: &ImageArgs, world: Notes, expected: &[&str]) {
    check(&Request::new(container, None, args).unwrap(), world, expected);
}

/// Checks what is done for `request`, questions included.
#[track_caller]
fn check(request: &Request, mut world: Notes, expected: &[&str]) {
    ensure(request, &mut world).unwrap();
    assert_eq!(world.done, expected);
}

const BASE: &str = "localhost/ctrkit-base:latest";
const PROXY: &str = "localhost/ctrkit-proxy:latest";
const MADE: &str = "localhost/ctrkit-debootstrap:bookworm";

#[test]
fn an_image_that_is_there_costs_one_question() {
    let world = Notes::with(&[BASE]);
    check(&request(BASE, &ImageArgs::default()), world, &[&format!("ask {BASE}"), "unchanged"]);
    let world = Notes::with(&["me/dev:1"]);
    let expected = ["ask me/dev:1", "unchanged"];
    check(&request("me/dev:1", &ImageArgs::default()), world, &expected);
}

#[test]
fn ours_is_built_upon_what_a_registry_has() {
    let expected = [
        &format!("ask {BASE}"),
        "alone",
        &format!("ask {BASE}"),
        &format!("ask {DEFAULT_BASE}"),
        &format!("ask {MADE}"),
        &format!("pull {DEFAULT_BASE}"),
        &format!("build upon {DEFAULT_BASE} for dev: {BASE}"),
    ];
    check(&request(BASE, &ImageArgs::default()), Notes::default(), &expected);
}

#[test]
fn ours_is_built_upon_packages_where_no_registry_answers() {
    let world = Notes { offline: true, ..Notes::default() };
    let expected = [
        &format!("ask {BASE}"),
        "alone",
        &format!("ask {BASE}"),
        &format!("ask {DEFAULT_BASE}"),
        &format!("ask {MADE}"),
        &format!("fail to pull {DEFAULT_BASE}"),
        &format!("ask {MADE}"),
        &format!("bootstrap bookworm {MADE}"),
        &format!("build upon {MADE} for dev: {BASE}"),
    ];
    check(&request(BASE, &ImageArgs::default()), world, &expected);
}

#[test]
fn a_base_that_is_there_is_not_fetched_again() {
    let mut world = Notes::with(&[MADE]);
    ensure(&request(BASE, &ImageArgs::default()), &mut world).unwrap();
    assert_eq!(world.done.last().unwrap(), &format!("build upon {MADE} for dev: {BASE}"));
    assert!(!world.done.iter().any(|deed| deed.starts_with("pull")));
}

#[test]
fn what_another_process_made_meanwhile_is_not_made_again() {
    let world = Notes { meanwhile: Some(BASE.to_owned()), ..Notes::default() };
    let ask = format!("ask {BASE}");
    check(&request(BASE, &ImageArgs::default()), world, &[&ask, "alone", &ask]);
}

#[test]
fn anybody_elses_image_is_pulled_and_nothing_else() {
    let expected = ["ask me/dev:1", "alone", "ask me/dev:1", "pull me/dev:1"];
    check(&request("me/dev:1", &ImageArgs::default()), Notes::default(), &expected);
}

#[test]
fn build_builds_although_the_image_is_there_and_under_any_name() {
    let args =
        ImageArgs { build: true, base: Some("me/base".parse().unwrap()), ..ImageArgs::default() };
    let world = Notes::with(&["me/dev:1", "me/base"]);
    let expected = [
        "ask me/dev:1",
        "alone",
        "ask me/dev:1",
        "ask me/base",
        "build upon me/base for dev: me/dev:1",
    ];
    check(&request("me/dev:1", &args), world, &expected);
}

#[test]
fn pull_fetches_the_image_or_the_base_anew() {
    let args = ImageArgs { pull: true, ..ImageArgs::default() };
    let mut world = Notes::with(&["me/dev:1"]);
    ensure(&request("me/dev:1", &args), &mut world).unwrap();
    assert_eq!(world.done.last().unwrap(), "pull me/dev:1");

    let base = Some("debootstrap:trixie".parse().unwrap());
    let args = ImageArgs { pull: true, base, ..ImageArgs::default() };
    let mut world = Notes::with(&["localhost/ctrkit-debootstrap:trixie"]);
    ensure(&request(BASE, &args), &mut world).unwrap();
    let made = "bootstrap trixie localhost/ctrkit-debootstrap:trixie".to_owned();
    assert!(world.done.contains(&made), "{:?}", world.done);
}

#[test]
fn a_local_name_that_is_not_ours_is_not_looked_for_in_a_registry() {
    let error = ensure(&request("localhost/mine:1", &ImageArgs::default()), &mut Notes::default());
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.exit().status()), ("image-missing", 69));
    assert!(error.to_string().contains("'localhost/mine:1'"));
}

#[test]
fn without_registry_and_packages_both_reasons_are_told() {
    let mut world = Notes { offline: true, packageless: true, ..Notes::default() };
    let error = ensure(&request(BASE, &ImageArgs::default()), &mut world).unwrap_err();
    assert_eq!((error.kind(), error.exit().status()), ("no-base-image", 69));
    assert!(error.hint().unwrap().contains("debootstrap"));
}

#[test]
fn an_explicit_base_that_cannot_be_pulled_is_not_replaced() {
    let args = ImageArgs { base: Some("me/base".parse().unwrap()), ..ImageArgs::default() };
    let mut world = Notes { offline: true, ..Notes::default() };
    let error = ensure(&request(BASE, &args), &mut world).unwrap_err();
    assert_eq!(error.kind(), "cannot-pull-image");
}

#[test]
fn the_labels_tell_another_account_and_another_recipe() {
    let world = || Notes::default().label(BASE, "ctrkit.user", "alice");
    let error = ensure(&request(BASE, &ImageArgs::default()), &mut world()).unwrap_err();
    assert_eq!((error.kind(), error.exit().status()), ("image-has-other-user", 65));

    let old = Notes::default().label(BASE, "ctrkit.recipe", "0123456789ab");
    let outcome = ensure(&request(BASE, &ImageArgs::default()), &mut { old }).unwrap();
    assert!(outcome.outdated);
    let role = Role::Container { user: "dev".to_owned() };
    let new = Notes::default().label(BASE, "ctrkit.recipe", &role.digest());
    let outcome = ensure(&request(BASE, &ImageArgs::default()), &mut { new }).unwrap();
    assert!(!outcome.outdated);
}

#[test]
fn an_isolated_container_has_a_proxy_upon_the_same_base() {
    let expected = [
        &format!("ask {BASE}"),
        &format!("ask {PROXY}"),
        "alone",
        &format!("ask {BASE}"),
        &format!("ask {PROXY}"),
        &format!("ask {DEFAULT_BASE}"),
        &format!("ask {MADE}"),
        &format!("pull {DEFAULT_BASE}"),
        &format!("build upon {DEFAULT_BASE} for dev: {BASE}"),
        &format!("build upon {DEFAULT_BASE} for the proxy: {PROXY}"),
    ];
    check_isolated(&isolated(None), &ImageArgs::default(), Notes::default(), &expected);

    let args = ImageArgs { pull: true, build: true, ..ImageArgs::default() };
    let mut world = Notes::with(&[BASE, PROXY, DEFAULT_BASE]);
    ensure(&Request::new(&isolated(None), None, &args).unwrap(), &mut world).unwrap();
    let expected = [
        format!("pull {DEFAULT_BASE}"),
        format!("build upon {DEFAULT_BASE} for dev: {BASE}"),
        format!("build upon {DEFAULT_BASE} for the proxy: {PROXY}"),
    ];
    assert_eq!(world.done[world.done.len() - 3..], expected);
}

#[test]
fn a_proxy_that_is_there_costs_one_question_more() {
    let world = Notes::with(&[BASE]).label(PROXY, "ctrkit.recipe", &Role::Proxy.digest());
    let expected = [&format!("ask {BASE}"), &format!("ask {PROXY}"), "unchanged"];
    check_isolated(&isolated(None), &ImageArgs::default(), world, &expected);
}

#[test]
fn a_proxy_of_another_recipe_is_made_anew_and_somebodys_image_is_not() {
    let build = format!("build upon {MADE} for the proxy: {PROXY}");
    for recipe in ["000000000000", "", &Role::Container { user: String::new() }.digest()] {
        let mut world = Notes::with(&[MADE]).label(PROXY, "ctrkit.recipe", recipe);
        world = world.label(BASE, "ctrkit.recipe", "000000000000");
        let request = Request::new(&isolated(None), None, &ImageArgs::default()).unwrap();
        assert!(ensure(&request, &mut world).unwrap().outdated);
        assert_eq!(world.done.last(), Some(&build));
        assert!(!world.done.iter().any(|deed| deed.contains("for dev")), "{:?}", world.done);
    }
    // Under our name there is nothing of another's: no label is no recipe of ours.
    let mut world = Notes::with(&[BASE, MADE, PROXY]);
    ensure(&Request::new(&isolated(None), None, &ImageArgs::default()).unwrap(), &mut world)
        .unwrap();
    assert_eq!(world.done.last(), Some(&build));

    let world = Notes::with(&[BASE, "me/proxy:1"]).label("me/proxy:1", "ctrkit.recipe", "0");
    let expected = [&format!("ask {BASE}"), "ask me/proxy:1", "unchanged"];
    check_isolated(&isolated(Some("me/proxy:1")), &ImageArgs::default(), world, &expected);
}

#[test]
fn a_proxy_of_anybody_elses_is_pulled() {
    let mut world = Notes::with(&[BASE]);
    let request = Request::new(&isolated(Some("me/proxy:1")), None, &ImageArgs::default()).unwrap();
    ensure(&request, &mut world).unwrap();
    assert_eq!(world.done.last().unwrap(), "pull me/proxy:1");

    let request =
        Request::new(&isolated(Some("localhost/p")), None, &ImageArgs::default()).unwrap();
    let error = ensure(&request, &mut Notes::with(&[BASE])).unwrap_err();
    assert_eq!(error.kind(), "image-missing");
    assert!(error.hint().unwrap().ends_with("or take localhost/ctrkit-proxy"), "{error:?}");

    for image in ["--privileged", "", "a b"] {
        let error = Request::new(&isolated(Some(image)), None, &ImageArgs::default()).unwrap_err();
        assert_eq!(error.kind(), "bad-image-name", "{image:?}");
    }
}

#[test]
fn isolation_of_another_kind_has_no_proxy() {
    let mut container = isolated(None);
    container.isolation.as_mut().unwrap().mode = "none".to_owned();
    let request = Request::new(&container, None, &ImageArgs::default()).unwrap();
    assert_eq!(request.proxy, None);
    set_proxy(&mut container, &request);
    assert_eq!(container.isolation.unwrap().image, None);
}

#[test]
fn names_that_could_be_options_or_no_names_at_all_are_refused() {
    for image in ["", "--privileged", "-v/:/x", "a b", "a;b", "日本", "a\nb", "$(x)"] {
        let error =
            Request::new(&container(image, "dev"), None, &ImageArgs::default()).unwrap_err();
        assert_eq!(error.kind(), "bad-image-name", "{image:?}");
    }
    for user in ["", "root", "-x", "a b", "Dev", "0a", "a:b", "a\nb", &"a".repeat(33)] {
        let error = Request::new(&container(BASE, user), None, &ImageArgs::default()).unwrap_err();
        assert_eq!(error.kind(), "bad-user", "{user:?}");
    }
    for image in ["debian", "docker.io/library/debian:stable", "box:5000/a/b@sha256:00ff"] {
        Request::new(&container(image, "a_b-9"), None, &ImageArgs::default()).unwrap();
    }
}

#[test]
fn a_base_is_an_image_or_a_release() {
    assert_eq!("".parse(), Ok(Base::Default));
    assert_eq!("debian:12".parse(), Ok(Base::Image("debian:12".to_owned())));
    assert_eq!("debootstrap".parse(), Ok(Base::Debootstrap(None)));
    assert_eq!("debootstrap:sid".parse(), Ok(Base::Debootstrap(Some("sid".to_owned()))));
    for bad in ["debootstrap:", "debootstrap:--x", "debootstrap:a/b", "-x", "a b"] {
        assert!(bad.parse::<Base>().is_err(), "{bad}");
    }
}

#[test]
fn keys_of_the_engine_section_that_are_not_known_stay() {
    let mut container = container(BASE, "dev");
    let text = r#"{"kind":"podman","program":"/bin/sh","zz":[1]}"#;
    container.engine = Some(serde_json::from_str(text).unwrap());
    let engine = Engine::find(engine::Choice {
        document: container.engine.as_ref(),
        ..engine::Choice::default()
    });
    set_engine(&mut container, &engine.unwrap());
    assert_eq!(serde_json::to_string(&container.engine).unwrap(), text);
}

mod sources {
    use crate::apt::*;

    fn archive(uri: &str, suite: &str, components: &str) -> Archive {
        let [uri, suite, components] = [uri, suite, components].map(str::to_owned);
        Archive { uri, suite, components }
    }

    #[test]
    fn a_list_is_read_line_by_line() {
        let text = "# deb http://old x main\n\
            deb http://a/debian bookworm main contrib # why\n\
            deb-src http://a/debian bookworm main\n\
            deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://b/s bookworm-security main\n\
            deb [signed-by=/etc/apt/keyrings/other.asc] https://c bookworm main\n\
            deb cdrom:[Debian]/ bookworm main\n\
            deb http://flat ./\n";
        let expected = [
            archive("http://a/debian", "bookworm", "main contrib"),
            archive("https://b/s", "bookworm-security", "main"),
        ];
        assert_eq!(parse_list(text), expected);
    }

    #[test]
    fn sources_are_read_paragraph_by_paragraph() {
        let text = "Types: deb deb-src\n# a comment\nURIs: http://a/debian\n\
            Suites: bookworm bookworm-updates\nComponents: main\n contrib\n\
            Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n\
            Types: deb\nEnabled: no\nURIs: http://b\nSuites: bookworm\nComponents: main\n\n\
            Types: deb\nURIs: http://c\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN PGP\n";
        let expected = [
            archive("http://a/debian", "bookworm", "main contrib"),
            archive("http://a/debian", "bookworm-updates", "main contrib"),
        ];
        assert_eq!(parse_sources(text), expected);
    }

    #[test]
    fn a_release_comes_with_its_updates_and_fixes_or_not_at_all() {
        let all = ["sid", "bookworm-security", "bookworm", "bookworm-backports", "bookworm"]
            .map(|suite| archive("http://a", suite, "main"));
        let suites = |suite| {
            of_suite(&all, suite).into_iter().map(|archive| archive.suite).collect::<Vec<_>>()
        };
        assert_eq!(suites("bookworm"), ["bookworm", "bookworm-security"]);
        assert_eq!(suites("trixie"), [""; 0]);
        assert_eq!(all[0].line(), "deb http://a sid main\n");
    }

    #[test]
    fn only_debian_and_ubuntu_have_a_release_of_their_own() {
        let ubuntu = "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_CODENAME=noble\n";
        assert_eq!(codename(ubuntu).as_deref(), Some("noble"));
        let quoted = "VERSION_CODENAME=\"trixie\"\nID=\"debian\"\n";
        assert_eq!(codename(quoted).as_deref(), Some("trixie"));
        assert_eq!(codename("ID=fedora\nVERSION_CODENAME=x\n"), None);
        assert_eq!(codename("ID=debian\n"), None);
    }
}

mod bundles {
    use crate::certificates::split;

    #[test]
    fn certificates_are_taken_and_keys_are_left() {
        let one = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----";
        let two = "-----BEGIN CERTIFICATE-----\nBB\n-----END CERTIFICATE-----";
        let key = "-----BEGIN PRIVATE KEY-----\nCC\n-----END PRIVATE KEY-----";
        assert_eq!(split(&format!("{key}\n{one}\n# text\n{two}\n")), [one, two]);
        assert_eq!(split("-----BEGIN CERTIFICATE-----\nAA"), [""; 0]);
        assert_eq!(split(""), [""; 0]);
    }
}

mod index {
    use clap::Parser;

    use crate::PipArgs;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        pip: PipArgs,
    }

    /// Composes the files, with variables that are given as options.
    fn compose(options: &[&str], files: &[&str]) -> String {
        let words = std::iter::once(&"x").chain(options);
        let arguments = Arguments::try_parse_from(words).unwrap();
        let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
        arguments.pip.compose(&files)
    }

    const FILE: &str = "# comment\n[global]\nindex-url = https://a/simple\ncert = /c.pem\n\
        extra-index-url =\n    https://b/\n    # no\n\thttps://c/\n[install]\ntrusted-host=d\n";

    #[test]
    fn where_nothing_is_said_pip_is_told_nothing() {
        let files = ["", "[global]\ncert = /x\n", "[global]\nindex-url =\n#index-url = x\n"];
        assert_eq!(compose(&[], &files), "");
    }

    #[test]
    fn the_index_of_the_files_is_taken_and_nothing_else() {
        let expected = "[global]\nindex-url = https://a/simple\n\
            extra-index-url = https://b/ https://c/\ntrusted-host = d\n";
        assert_eq!(compose(&[], &[FILE]), expected);
    }

    #[test]
    fn the_last_file_counts_and_variables_before_it() {
        let files = [FILE, "[global]\nindex-url = https://u:p@e/\n"];
        let expected = "[global]\nindex-url = https://u:p@e/\n\
            extra-index-url = https://b/ https://c/\ntrusted-host = d\n";
        assert_eq!(compose(&[], &files), expected);
        let variables = ["--pip-index-url", "https://f/", "--pip-trusted-host", " "];
        assert_eq!(compose(&variables, &files), expected.replace("u:p@e", "f"));
    }

    #[test]
    fn a_value_is_one_line_whatever_it_holds() {
        let text = compose(&["--pip-index-url", "https://a/\n[install]\ntarget = /x"], &[]);
        assert_eq!(text, "[global]\nindex-url = https://a/ [install] target = /x\n");
    }

    #[test]
    fn a_password_is_not_shown() {
        let words = ["x", "--pip-index-url", "https://user:secret@a/"];
        let arguments = Arguments::try_parse_from(words).unwrap();
        assert!(!format!("{:?}", arguments.pip).contains("secret"));
    }
}

mod processes {
    use nix::unistd::Pid;

    use crate::watch::{Process, parse_stat};

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        let [id, parent, group] = [12, 3, 4].map(Pid::from_raw);
        let expected = Some(Process { id, parent, group });
        assert_eq!(parse_stat("12 (sh) S 3 4 5 0"), expected);
        assert_eq!(parse_stat("12 (a) S 9 (b c) R 3 4 5 0"), expected);
        assert_eq!(parse_stat("12 (sh S 3"), None);
        assert_eq!(parse_stat(""), None);
    }
}

/// Returns a request for an image of a template upon the base image, and its name.
fn templated(args: &ImageArgs) -> (Request, String) {
    let library = Library::new(&toolkit::Places::default()).unwrap();
    let section = document::template::Template { name: "go".to_owned(), ..Default::default() };
    let template = library.of(&section).unwrap();
    let image = template.image(BASE);
    let mut container = container(&image, "dev");
    let base = Some(BASE.to_owned());
    container.template = Some(document::template::Template { base, ..template.section() });
    (Request::new(&container, Some(&template), args).unwrap(), image)
}

#[test]
fn a_template_is_built_upon_the_image_when_either_is_missing_or_new() {
    let (request, image) = templated(&ImageArgs::default());
    assert!(image.starts_with("localhost/ctrkit-go:"), "{image}");
    let mut world = Notes::with(&[BASE]);
    ensure(&request, &mut world).unwrap();
    let built = format!("build upon {BASE} for a template: {image}");
    assert_eq!(world.done.iter().filter(|done| **done == built).count(), 1, "{:?}", world.done);
    assert_eq!(world.done.iter().filter(|done| done.starts_with("build")).count(), 1);

    world.done.clear();
    ensure(&request, &mut world).unwrap();
    assert_eq!(world.done.last().unwrap(), "unchanged");

    world.done.clear();
    world.images.get_mut(BASE).unwrap().id = "another".to_owned();
    ensure(&request, &mut world).unwrap();
    assert!(world.done.contains(&built), "{:?}", world.done);

    world.done.clear();
    let (request, _) = templated(&ImageArgs { build: true, ..ImageArgs::default() });
    ensure(&request, &mut world).unwrap();
    assert_eq!(world.done.iter().filter(|done| done.starts_with("build")).count(), 2);
}

#[test]
fn a_template_that_has_changed_is_not_built() {
    let library = Library::new(&toolkit::Places::default()).unwrap();
    let template = library.find("go").unwrap();
    let mut container = container("localhost/ctrkit-go:0123456789ab", "dev");
    let base = Some(BASE.to_owned());
    container.template = Some(document::template::Template { base, ..template.section() });
    let error = Request::new(&container, Some(&template), &ImageArgs::default()).unwrap_err();
    assert_eq!(error.kind(), "template-changed");
}

#[test]
fn the_recipe_of_a_template_keeps_its_directories_and_modes() {
    use std::os::unix::fs::PermissionsExt;
    let context = tempfile::tempdir().unwrap();
    let file = |path: &str, mode| (path.to_owned(), mode, b"x".to_vec());
    let files = vec![file("Containerfile", 0o644), file("a/b/c", 0o755), file("a/d", 0o644)];
    let role = Role::Template { files, upon: "id".to_owned() };
    recipe::write_context(context.path(), &role, &["c"], "").unwrap();
    let mode = |path| std::fs::metadata(context.path().join(path)).unwrap().permissions().mode();
    assert_eq!((mode("a/b/c") & 0o777, mode("a/d") & 0o777), (0o755, 0o644));
    assert!(!context.path().join("ca").exists());
    let recipe = Recipe { image: "i".into(), role, base: "b".into() };
    let arguments = recipe.arguments(context.path()).join(" ");
    assert!(arguments.contains("--label ctrkit.template.base=id"), "{arguments}");
}
