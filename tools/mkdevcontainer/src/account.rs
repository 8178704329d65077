//! The account that the repository's own file works as.

use document::{
    Container,
    container::{Variable, home},
    labels,
};

/// Lets people work as `user` in `container`: their home is another one then.
///
/// What `ctr-spec` plans for such a file has the account already.
pub fn work_as(container: &mut Container, user: &str) {
    let before = container.user.replace(user.to_owned());
    if before.as_deref() == Some(user) {
        return;
    }
    container.set_label(labels::REMOTE_USER, user);
    let Some(before) = before else { return };
    let (old, new) = (home(&before), home(user));
    let moved = |target: &mut String| {
        let rest =
            target.strip_prefix(&old).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(rest) = rest {
            *target = format!("{new}{rest}");
        }
    };
    container.volumes.iter_mut().for_each(|volume| moved(&mut volume.target));
    container.mounts.iter_mut().for_each(|mount| moved(&mut mount.target));
    for file in &mut container.inject {
        moved(&mut file.target);
        if file.owner == before {
            user.clone_into(&mut file.owner);
        }
    }
    if let Some(target) = container.claude.as_mut().and_then(|claude| claude.target.as_mut()) {
        // The variable that says where it is.
        let says_so = |variable: &&mut Variable| variable.value == *target;
        container.env.iter_mut().filter(says_so).for_each(|variable| moved(&mut variable.value));
        moved(target);
    }
}
