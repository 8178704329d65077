//! Bringing a branch into the container.

use toolkit::Events;

use crate::{
    Cargo, Error, Plan, Pushed, Report, Settings, There, ThereError, Worktree, decide,
    error::Words, plan::in_the_way, pushed, without_credentials, worktree::Manner,
};

/// What is in the container afterwards.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Landed {
    /// The commit that is checked out.
    pub commit: String,
    /// The URL of `origin` there, without credentials.
    pub origin: Option<String>,
}

/// A branch on its way: from, to, and what.
#[derive(Clone, Copy, Debug)]
pub struct Carriage<'a> {
    /// Where it comes from.
    pub worktree: &'a Worktree<'a>,
    /// Where it goes.
    pub there: There<'a>,
    /// What it is.
    pub cargo: Cargo<'a>,
    /// The commit that the container had when it was last seen.
    pub seen: Option<&'a str>,
}

impl Carriage<'_> {
    /// Prepares the repository there, pushes the branch and checks it out, as
    /// far as that is not done already; `remote` makes sure that the remote is
    /// there before the push.
    pub fn carry(
        &self,
        settings: &Settings,
        events: &mut Events,
        remote: impl FnOnce(&mut Events) -> Result<(), Error>,
    ) -> Result<Landed, Error> {
        let Self { worktree, there, cargo, .. } = *self;
        let mut report = events.step("prepare", || self.prepare(settings))?;
        worktree.interrupt.check()?;
        remote(events)?;
        let plan = self.decide(&report)?;
        if plan.push {
            worktree.interrupt.check()?;
            events.step("push", || self.push(settings))?;
            report.commit = Some(cargo.commit.to_owned());
        }
        if plan.checkout {
            worktree.interrupt.check()?;
            report = events.step("checkout", || there.checkout(cargo))?;
        }
        let unreadable = || ThereError::Unreadable { name: cargo.name.to_owned() };
        let commit = report.commit.ok_or_else(unreadable)?;
        Ok(Landed { commit, origin: report.origin.as_deref().and_then(without_credentials) })
    }

    fn decide(&self, report: &Report) -> Result<Plan, Error> {
        decide(self.cargo, report, |tip| self.worktree.leads_to(tip, self.cargo.commit))
    }

    /// Asks the container which files are in the way of what it is believed
    /// not to have; once more if it turns out to have something else.
    fn prepare(&self, settings: &Settings) -> Result<Report, Error> {
        let Self { worktree, there, cargo, seen } = *self;
        let added = match seen {
            Some(seen) => worktree.added(Some(seen), cargo.commit)?,
            None => Vec::new(),
        };
        let report = there.prepare(cargo, settings, added)?;
        let pushes_files = report.head.as_deref() == Some(cargo.branch) && !report.contains;
        match report.tip.as_deref() {
            Some(tip) if pushes_files && seen != Some(tip) => {
                self.look_again(settings, Some(tip)).map(|again| again.unwrap_or(report))
            }
            _ => Ok(report),
        }
    }

    /// Asks again, about what was added since `base`; `None` where that
    /// cannot be known here, which means that the branches have diverged.
    fn look_again(&self, settings: &Settings, base: Option<&str>) -> Result<Option<Report>, Error> {
        let Self { worktree, there, cargo, .. } = *self;
        if let Some(base) = base {
            if !worktree.leads_to(base, cargo.commit)? {
                return Ok(None);
            }
        }
        there.prepare(cargo, settings, worktree.added(base, cargo.commit)?).map(Some)
    }

    fn push(&self, settings: &Settings) -> Result<(), Error> {
        let Self { worktree, cargo, .. } = *self;
        let reference = format!("refs/heads/{}", cargo.branch);
        let refspec = format!("{reference}:{reference}");
        let args = ["push", "--porcelain", "--no-progress", cargo.name, &refspec];
        let output = worktree.run(Manner::Remote, args)?;
        match pushed(&output.text(), &reference) {
            Some(Pushed::Accepted) if output.status.success() => Ok(()),
            Some(Pushed::Behind) => Err(self.diverged()),
            Some(Pushed::Refused(reason)) => Err(self.why_refused(settings, reason)?),
            _ => {
                let explained = worktree.ssh.explain(cargo.name, worktree.interrupt)?;
                Err(explained.map_or_else(|| worktree.failed(&args, &output), Error::from))
            }
        }
    }

    fn diverged(&self) -> Error {
        let (name, branch) = (self.cargo.name.to_owned(), self.cargo.branch.to_owned());
        ThereError::Diverged { name, branch, fetched: false }.into()
    }

    /// Finds out why the container refused, by looking at it once more; the
    /// reason that it gives is only for people.
    fn why_refused(&self, settings: &Settings, reason: String) -> Result<Error, Error> {
        let Cargo { name, branch, .. } = self.cargo;
        let report = self.there.prepare(self.cargo, settings, Vec::new())?;
        let report = match self.look_again(settings, report.tip.as_deref())? {
            Some(report) => report,
            None => return Ok(self.diverged()),
        };
        let (name, branch, source) = (name.to_owned(), branch.to_owned(), Words(reason));
        let refused = || ThereError::PushRefused { name, branch, source }.into();
        Ok(in_the_way(self.cargo.name, &report).unwrap_or_else(refused))
    }
}
