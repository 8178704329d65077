//! The containers that are ctrkit's, found by their names and labels.

use std::collections::BTreeMap;

use document::{containers::Listed, labels};

use crate::{Engine, EngineError, Summary};

/// What comes behind the name of a container that another one is to replace,
/// as long as that one is not known to be good.
pub const REPLACED: &str = "-replaced";

/// The sidecar that is the only way out.
pub const PROXY: &str = "proxy";

/// The sidecar that is the way in.
pub const INGRESS: &str = "ingress";

/// All containers of ctrkit on one engine.
#[derive(Clone, Debug, Default)]
pub struct Managed {
    containers: Vec<Summary>,
    /// By the name of a container, the services that stand beside it.
    pub(crate) services: BTreeMap<String, Vec<Summary>>,
}

impl Engine {
    /// Lists what is ctrkit's, sidecars included: one call.
    pub fn all_managed(&self) -> Result<Managed, EngineError> {
        let filter = format!("label={}=true", labels::MANAGED);
        self.containers(&[&filter]).map(Managed::from)
    }

    /// Lists what is ctrkit's and makes sure that all of `names` are among it:
    /// one call, and one more to say what is wrong with a name.
    pub fn all_managed_with(&self, names: &[String]) -> Result<Managed, EngineError> {
        let mut managed = self.all_managed()?;
        for name in names {
            match managed.get(name) {
                Some(container) => self.check_authority(container)?,
                None => managed.containers.push(self.managed(name)?),
            }
        }
        Ok(managed)
    }

    /// Returns ctrkit's container called `name`: one call.
    pub fn managed(&self, name: &str) -> Result<Summary, EngineError> {
        let name = name.to_owned();
        match self.container_and_replaced(&name)? {
            (Some(container), _) if container.is_managed() => {
                self.check_authority(&container)?;
                Ok(container)
            }
            (Some(_), _) => Err(EngineError::NotManaged { name }),
            (None, Some(replaced)) if replaced.is_replaced() => {
                Err(EngineError::BeingReplaced { name })
            }
            (None, _) => Err(EngineError::NoSuchContainer { name }),
        }
    }

    /// Refuses a container for which another authority vouches: two machines
    /// that share an engine may have worktrees with the same path.
    pub fn check_authority(&self, container: &Summary) -> Result<(), EngineError> {
        match container.label(labels::AUTHORITY) {
            Some(other) if self.is_others(Some(other)) => {
                let (name, authority) = (container.name.clone(), other.to_owned());
                Err(EngineError::OtherAuthority { name, authority })
            }
            _ => Ok(()),
        }
    }

    /// Says whether `authority`, the value of a label, is not the one that
    /// vouches for the containers of this configuration.
    #[must_use]
    pub fn is_others(&self, authority: Option<&str>) -> bool {
        self.authority.as_deref().zip(authority).is_some_and(|(own, other)| own != other)
    }

    /// Returns the container called `name` and the one that it is to replace,
    /// whoever's they are: one call.
    pub fn container_and_replaced(
        &self,
        name: &str,
    ) -> Result<(Option<Summary>, Option<Summary>), EngineError> {
        if !is_container_name(name) {
            return Ok((None, None));
        }
        let names = [name.to_owned(), format!("{name}{REPLACED}")];
        let filters = names.each_ref().map(|name| format!("name=^{name}$"));
        let mut found = self.containers(&filters.each_ref().map(String::as_str))?;
        let mut take = |name: &str| {
            let at = found.iter().position(|summary| summary.name == name)?;
            Some(found.swap_remove(at))
        };
        Ok((take(&names[0]), take(&names[1])))
    }
}

impl Managed {
    /// Returns the containers that people work in, by name.
    #[must_use]
    pub fn apps(&self) -> Vec<&Summary> {
        let is_app = |each: &&Summary| !each.is_sidecar() && !each.is_replaced();
        let mut apps: Vec<_> = self.containers.iter().filter(is_app).collect();
        apps.sort_by(|one, other| one.name.cmp(&other.name));
        apps
    }

    /// Returns the container called `name`, which may be a sidecar.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Summary> {
        self.containers.iter().find(|each| each.name == name)
    }

    /// Returns the container that the one called `name` is to replace, which a
    /// run leaves that was killed.
    #[must_use]
    pub fn replaced(&self, name: &str) -> Option<&Summary> {
        self.containers.iter().find(|each| each.replaced_by() == Some(name))
    }

    /// Returns the names of all containers that people work in: also of those
    /// whose successor is not there yet.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let apps = self.apps();
        let replaced = self.containers.iter().filter_map(Summary::replaced_by);
        let mut names: Vec<_> = apps.iter().map(|app| app.name.as_str()).chain(replaced).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the sidecars of the container called `name`, in the order in
    /// which they start: the proxy, the ingress, then others by their type, and the
    /// services that [`Engine::add_services`] has found.
    ///
    /// They are found by the hash of the project, and by the container's name
    /// where that container is gone. Those for which another authority vouches
    /// than for the container are another machine's.
    #[must_use]
    pub fn sidecars(&self, name: &str) -> Vec<&Summary> {
        let app = self.get(name).filter(|each| !each.is_sidecar());
        let hash = app.and_then(|app| app.label(labels::PROJECT_HASH));
        let authority = app.and_then(|app| app.label(labels::AUTHORITY));
        let serves = |each: &&Summary| {
            let of = each.label(labels::SIDECAR_OF);
            let is_of = of == hash || each.label(labels::NAME) == Some(name);
            let vouches = each.label(labels::AUTHORITY);
            let is_same = authority.zip(vouches).is_none_or(|(one, other)| one == other);
            of.is_some() && is_of && is_same && each.name != name
        };
        let mut found: Vec<_> = self.containers.iter().filter(serves).collect();
        found.sort_by_key(|each| (each.rank(), each.sidecar_type(), each.name.as_str()));
        found.extend(self.services.get(name).into_iter().flatten());
        found
    }

    /// Returns the proxy of the container called `name`, if there is one.
    #[must_use]
    pub fn proxy(&self, name: &str) -> Option<&Summary> {
        self.sidecars(name).into_iter().find(|each| each.sidecar_type() == Some(PROXY))
    }

    /// Returns the container called `name` as an element of `containers/1`:
    /// its ports may be published by its ingress.
    #[must_use]
    pub fn listed(&self, name: &str) -> Option<Listed> {
        let app = self.get(name)?;
        let ingress =
            self.sidecars(name).into_iter().find(|each| each.sidecar_type() == Some(INGRESS));
        let ports: Vec<_> = [Some(app), ingress].into_iter().flatten().collect();
        let ports: Vec<_> = ports.iter().flat_map(|each| each.ports.iter().cloned()).collect();
        Some(Listed { ports: app.services(&ports), ..app.listed() })
    }
}

impl From<Vec<Summary>> for Managed {
    fn from(containers: Vec<Summary>) -> Self {
        Self { containers, services: BTreeMap::new() }
    }
}

impl Summary {
    /// Says whether the container serves another one.
    #[must_use]
    pub fn is_sidecar(&self) -> bool {
        self.label(labels::SIDECAR_OF).is_some()
    }

    /// Returns what a sidecar is: `proxy`, `ingress` or another word.
    #[must_use]
    pub fn sidecar_type(&self) -> Option<&str> {
        self.label(labels::SIDECAR_TYPE)
    }

    /// Returns the place of a sidecar in the order of the start: nothing is let
    /// in or runs before the proxy does.
    fn rank(&self) -> usize {
        let first = [PROXY, INGRESS];
        let place = first.iter().position(|word| self.sidecar_type() == Some(word));
        place.unwrap_or(first.len())
    }

    /// Says whether the container must not run without its proxy.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.label(labels::ISOLATION).is_some()
    }

    /// Returns the name of the container that is to replace this one, if one
    /// is.
    #[must_use]
    pub fn replaced_by(&self) -> Option<&str> {
        let name = self.name.strip_suffix(REPLACED)?;
        (self.is_managed() && self.label(labels::NAME) == Some(name)).then_some(name)
    }

    /// Says whether another container is to replace this one.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.replaced_by().is_some()
    }
}

/// Says whether an engine takes `name` for the name of a container: letters,
/// digits, `_`, `.` and `-`, the first a letter or a digit.
///
/// Both engines document it as `[a-zA-Z0-9][a-zA-Z0-9_.-]*`; a name that
/// passes can neither leave a directory nor be taken for an option.
pub(crate) fn is_container_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|each| each.is_ascii_alphanumeric() || "_.-".contains(each))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, labels: &[(&str, &str)]) -> Summary {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Summary { name: name.into(), labels: labels.collect(), ..Summary::default() }
    }

    fn some() -> Managed {
        Managed::from(vec![
            container("a", &[("ctrkit.sidecar.of", "1"), ("ctrkit.sidecar.type", "audio")]),
            container("p", &[("ctrkit.sidecar.of", "1"), ("ctrkit.sidecar.type", "proxy")]),
            container("dev-b", &[("ctrkit.project.hash", "2")]),
            container("dev-a", &[("ctrkit.project.hash", "1")]),
            container("i", &[("ctrkit.sidecar.of", "1"), ("ctrkit.sidecar.type", "ingress")]),
            container("o", &[("ctrkit.sidecar.of", "9"), ("ctrkit.name", "dev-gone")]),
        ])
    }

    #[track_caller]
    fn check_sidecars(name: &str, expected: &[&str]) {
        let managed = some();
        let found: Vec<_> = managed.sidecars(name).iter().map(|each| each.name.clone()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sidecars_are_not_what_people_work_in() {
        let managed = some();
        let names: Vec<_> = managed.apps().iter().map(|each| each.name.clone()).collect();
        assert_eq!(names, ["dev-a", "dev-b"]);
        assert!(managed.get("p").is_some());
    }

    #[test]
    fn one_that_is_being_replaced_is_not_what_people_work_in() {
        let labels = [("ctrkit.managed", "true"), ("ctrkit.name", "dev-a")];
        let mut containers = some().containers;
        containers.push(container("dev-a-replaced", &labels));
        containers.push(container("dev-z-replaced", &[("ctrkit.name", "dev-z-replaced")]));
        let managed = Managed::from(containers);
        let names: Vec<_> = managed.apps().iter().map(|each| each.name.clone()).collect();
        assert_eq!(names, ["dev-a", "dev-b", "dev-z-replaced"]);
        assert_eq!(managed.replaced("dev-a").unwrap().name, "dev-a-replaced");
        assert_eq!(managed.replaced("dev-z"), None);
        assert_eq!(managed.names(), ["dev-a", "dev-b", "dev-z-replaced"]);
        let alone = Managed::from(vec![container("dev-a-replaced", &labels)]);
        assert!(alone.apps().is_empty());
        assert_eq!(alone.names(), ["dev-a"]);
    }

    #[test]
    fn sidecars_are_found_by_the_hash_or_by_the_name() {
        check_sidecars("dev-a", &["p", "i", "a"]);
        check_sidecars("dev-b", &[]);
        check_sidecars("dev-gone", &["o"]);
        check_sidecars("dev-never", &[]);
        check_sidecars("p", &[]);
    }

    #[test]
    fn sidecars_of_another_authority_are_not_ones_own() {
        let hash = ("ctrkit.project.hash", "1");
        let of = ("ctrkit.sidecar.of", "1");
        let managed = Managed::from(vec![
            container("dev-a", &[hash, ("ctrkit.authority", "own")]),
            container("mine", &[of, ("ctrkit.authority", "own")]),
            container("old", &[of]),
            container("theirs", &[of, ("ctrkit.authority", "other")]),
        ]);
        let found: Vec<_> =
            managed.sidecars("dev-a").iter().map(|each| each.name.clone()).collect();
        assert_eq!(found, ["mine", "old"]);
    }

    #[test]
    fn ports_may_be_published_by_the_ingress() {
        let mut managed = some();
        let ingress = managed.containers.iter_mut().find(|each| each.name == "i").unwrap();
        ingress.ports =
            vec![crate::Published { container: 22, host: 2200, address: "127.0.0.1".into() }];
        assert_eq!(managed.listed("dev-a").unwrap().ports[0].host, Some(2200));
        assert_eq!(managed.listed("never"), None);
    }

    #[test]
    fn names_that_engines_refuse_are_told() {
        for name in ["dev-a", "A.b_c-1", "0"] {
            assert!(is_container_name(name), "{name}");
        }
        for name in ["", ".", "..", "-x", "a/b", "a b", "a\n", "é", "a|b", "^a$"] {
            assert!(!is_container_name(name), "{name}");
        }
    }
}
