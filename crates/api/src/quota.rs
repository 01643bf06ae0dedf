//! Which limits count a call, and what an answer says about them.

use std::net::IpAddr;

use tidegate_limit::address::AddressPartition;
use tidegate_limit::{Policy, PolicyName, Standing, header};
use tidegate_room::Caller;
use tidegate_stream::RoomId;

use crate::act::Act;
use crate::kind::CallKind;
use crate::policies::Policies;

/// How a call counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight<'a> {
    /// Reading and joining: by address only.
    Read,
    /// A change: by address, and by subject.
    Change {
        /// The room that it is about, if there is one already.
        room: Option<&'a RoomId>,
    },
    /// A message: by address, by subject in this room, and by room.
    Message {
        /// Where to.
        room: &'a RoomId,
    },
}

/// What limits know of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a> {
    /// What it does.
    pub kind: CallKind,
    /// How it counts.
    pub weight: Weight<'a>,
    /// Units that it takes from each limit.
    pub units: u32,
    /// How much may be said in all rooms of the namespace together, where it has such a limit and this is a message.
    pub namespace: Option<Policy>,
}

impl<'a> Counted<'a> {
    /// What limits know of a call that goes to an upstream.
    pub fn elsewhere(policies: &Policies, weight: Weight<'a>) -> Self {
        Self {
            kind: CallKind::UPSTREAM,
            weight,
            units: policies.cost(CallKind::UPSTREAM),
            namespace: None,
        }
    }

    /// What limits know of an act. A batch takes what its messages would take one by one.
    pub fn of(policies: &Policies, act: &'a Act) -> Self {
        let kind = CallKind::from(act);
        Self {
            kind,
            weight: act.weight(),
            units: match act {
                Act::Batch(items) => items
                    .iter()
                    .map(|item| match item {
                        Ok(item) => policies.cost(item.post.kind.into()),
                        Err(_) => 1,
                    })
                    .fold(0, u32::saturating_add),
                _ => policies.cost(kind),
            },
            namespace: None,
        }
    }
}

/// One limit that counts a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is called.
    pub name: &'static str,
    /// Whom it counts.
    pub partition: String,
    /// How much is allowed.
    pub policy: Policy,
    /// Units of this call: never more than the burst, so that a whole bucket pays for the largest batch.
    pub cost: u32,
}

/// The limits that count a call. A service has one of its own and none of the others: what has been paid for does not wait
/// behind what viewers write.
pub fn lines(
    policies: &Policies,
    counted: Counted<'_>,
    address: Option<IpAddr>,
    caller: Option<&Caller>,
) -> Vec<Line> {
    let Counted {
        kind,
        weight,
        units,
        namespace,
    } = counted;
    let cost = |policy: Policy| units.min(policy.burst());
    if let Some(service) = caller.filter(|caller| caller.is_service()) {
        return vec![Line {
            name: "service",
            partition: service.subject.to_string(),
            policy: policies.service,
            cost: cost(policies.service),
        }];
    }
    let address = match address {
        Some(address) => AddressPartition::of(address).to_string(),
        None => "unknown".to_owned(),
    };
    let route = policies.routes.get(&kind).map(|policy| Line {
        name: "route",
        partition: match caller {
            Some(caller) => format!("{kind}/{}", caller.subject),
            None => format!("{kind}/{address}"),
        },
        policy: *policy,
        cost: cost(*policy),
    });
    let mut lines = vec![Line {
        name: "ip",
        partition: address,
        policy: policies.ip,
        cost: cost(policies.ip),
    }];
    lines.extend(route);
    let room = match weight {
        Weight::Read => return lines,
        Weight::Change { room } => room,
        Weight::Message { room } => Some(room),
    };
    if let Some(caller) = caller {
        lines.push(Line {
            name: "user",
            partition: match room {
                Some(room) => format!("{room}/{}", caller.subject),
                None => caller.subject.to_string(),
            },
            policy: policies.user,
            cost: cost(policies.user),
        });
    }
    if let Weight::Message { room } = weight {
        lines.push(Line {
            name: "room",
            partition: room.to_string(),
            policy: policies.room,
            cost: cost(policies.room),
        });
        lines.extend(namespace.map(|policy| Line {
            name: "namespace",
            partition: room.namespace().to_owned(),
            policy,
            cost: cost(policy),
        }));
    }
    lines
}

/// The headers that tell how a call stands with its limits.
pub fn headers(lines: &[Line], standings: &[Standing]) -> Vec<(&'static str, String)> {
    // The names above are within the grammar of policy names, which a test holds.
    let names: Vec<PolicyName> = lines
        .iter()
        .filter_map(|line| line.name.parse().ok())
        .collect();
    let policies = lines.iter().map(|line| line.policy);
    vec![
        (
            "ratelimit-policy",
            header::policies(names.iter().zip(policies)),
        ),
        (
            "ratelimit",
            header::standings(names.iter().zip(standings.iter().copied())),
        ),
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use tidegate_auth::{Rooms, Scopes};
    use tidegate_limit::limits::PARTITION_BYTES;

    pub(crate) fn policies() -> Policies {
        let policy = |text: &str| text.parse().unwrap();
        Policies {
            ip: policy("600/60"),
            user: policy("20/10"),
            room: policy("1000/10"),
            service: policy("5000/10"),
            routes: [(kind("join"), policy("30/60"))].into(),
            costs: [(kind("create"), 5)].into(),
        }
    }

    fn caller(scope: &str, subject: &str) -> Caller {
        Caller {
            subject: subject.parse().unwrap(),
            info: String::new(),
            scopes: Scopes::from_claim(scope),
            rooms: Rooms::Every,
            follows: Rooms::none(),
            token: None,
            expires_ms: 0,
        }
    }

    fn kind(name: &str) -> CallKind {
        name.parse().unwrap()
    }

    fn told(name: &str, weight: Weight<'_>, caller: Option<&Caller>) -> Vec<String> {
        let address = Some([203, 0, 113, 9].into());
        let policies = policies();
        let counted = Counted {
            kind: kind(name),
            weight,
            units: policies.cost(kind(name)),
            namespace: None,
        };
        lines(&policies, counted, address, caller)
            .into_iter()
            .map(|line| match line.cost {
                1 => format!("{}={}", line.name, line.partition),
                cost => format!("{}={} x{cost}", line.name, line.partition),
            })
            .collect()
    }

    #[test]
    fn a_call_is_counted_by_what_it_does() {
        let room: RoomId = "demo.lobby".parse().unwrap();
        let alice = caller("publish", "alice");
        let message = Weight::Message { room: &room };
        assert_eq!(told("read", Weight::Read, Some(&alice)), ["ip=203.0.113.9"]);
        assert_eq!(
            told("join", Weight::Read, Some(&alice)),
            ["ip=203.0.113.9", "route=join/alice"]
        );
        assert_eq!(
            told("join", Weight::Read, None),
            ["ip=203.0.113.9", "route=join/203.0.113.9"]
        );
        assert_eq!(
            told("chat", message, Some(&alice)),
            ["ip=203.0.113.9", "user=demo.lobby/alice", "room=demo.lobby"]
        );
        assert_eq!(
            told("create", Weight::Change { room: None }, Some(&alice)),
            ["ip=203.0.113.9 x5", "user=alice x5"]
        );
        assert_eq!(
            told("kick", Weight::Change { room: Some(&room) }, Some(&alice)),
            ["ip=203.0.113.9", "user=demo.lobby/alice"]
        );
        let shop = caller("service", "shop");
        assert_eq!(told("join", message, Some(&shop)), ["service=shop"]);
    }

    #[test]
    fn a_namespace_counts_messages_into_all_its_rooms_and_nothing_else() {
        let room: RoomId = "demo.lobby".parse().unwrap();
        let policies = policies();
        let names = |weight, caller: &Caller| -> Vec<String> {
            let counted = Counted {
                kind: kind("chat"),
                weight,
                units: 9,
                namespace: "5/10".parse().ok(),
            };
            let lines = lines(&policies, counted, None, Some(caller)).into_iter();
            lines
                .filter(|line| line.name == "namespace")
                .map(|line| format!("{} x{}", line.partition, line.cost))
                .collect()
        };
        let message = Weight::Message { room: &room };
        assert_eq!(names(message, &caller("publish", "alice")), ["demo x5"]);
        assert!(names(Weight::Read, &caller("publish", "alice")).is_empty());
        assert!(names(message, &caller("service", "shop")).is_empty());
    }

    #[test]
    fn the_longest_partition_fits() {
        let room: RoomId = "r".repeat(64).parse().unwrap();
        let longest = caller("publish", &"s".repeat(63));
        for line in lines(
            &policies(),
            Counted {
                kind: kind("join"),
                weight: Weight::Message { room: &room },
                units: 1,
                namespace: "5/10".parse().ok(),
            },
            None,
            Some(&longest),
        ) {
            assert!(line.partition.len() <= PARTITION_BYTES);
            assert!(line.name.parse::<PolicyName>().is_ok());
        }
        assert!("service".parse::<PolicyName>().is_ok());
    }

    #[test]
    fn headers_name_every_limit() {
        let lines = lines(
            &policies(),
            Counted {
                kind: kind("read"),
                weight: Weight::Read,
                units: 1,
                namespace: None,
            },
            None,
            None,
        );
        let standing = Standing {
            allowed: true,
            remaining: 599,
            reset_ms: 100,
            retry_ms: 0,
        };
        assert_eq!(
            headers(&lines, &[standing]),
            [
                ("ratelimit-policy", "\"ip\";q=600;w=60".to_owned()),
                ("ratelimit", "\"ip\";r=599;t=1".to_owned())
            ]
        );
    }
}
