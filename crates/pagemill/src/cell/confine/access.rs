//! Landlock: which files may be touched, and whether the network is there.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope, make_bitflags, path_beneath_rules,
};

use super::{Hold, Profile};

/// What is asked for. An older kernel grants a part of it.
const WANTED: ABI = ABI::V7;

/// Takes away every file but those of the profile, TCP, abstract sockets and signals to other processes.
pub(super) fn restrict(profile: &Profile) -> Hold {
    match enforce(profile) {
        Ok(RulesetStatus::FullyEnforced) => Hold::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Hold::Partial,
        Ok(RulesetStatus::NotEnforced) | Err(_) => Hold::None,
    }
}

fn enforce(profile: &Profile) -> Result<RulesetStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    let ruleset = match profile {
        Profile::Reader => ruleset,
        Profile::Tool { read, .. } => {
            let reading: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});
            ruleset.add_rules(path_beneath_rules(read, reading))?
        }
    };
    Ok(ruleset.restrict_self()?.ruleset)
}
