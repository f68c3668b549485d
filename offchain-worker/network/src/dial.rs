//! The course of one try to connect: known addresses first, a lookup in the DHT beside them when they
//! fail or take long, then what the lookup found. Decides only; the runner acts.

use crate::{address::dialable, NetworkError};
use libp2p::{
    swarm::{ConnectionId, DialError},
    Multiaddr, PeerId,
};
use lunarx_core::NodeKey;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Known addresses have this long before the DHT is asked as well.
const HEAD_START: Duration = Duration::from_millis(500);

/// Who waits for the connection.
pub(crate) type ConnectReply = oneshot::Sender<Result<(), NetworkError>>;

/// What is to be done next for a peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Dial(Vec<Multiaddr>),
    LookUp,
    GiveUp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LookupState {
    NotBefore(Instant),
    Running,
    Done,
}

struct Dial {
    node: NodeKey,
    replies: Vec<ConnectReply>,
    untried: Vec<Multiaddr>,
    tried: Vec<Multiaddr>,
    current: Option<(ConnectionId, Vec<Multiaddr>)>,
    lookup: LookupState,
    wrong: Option<(NodeKey, Multiaddr)>,
    failure: Option<String>,
}

impl Dial {
    fn add(&mut self, addresses: Vec<Multiaddr>) {
        let fresh = addresses.into_iter().filter(|a| !self.tried.contains(a) && !self.untried.contains(a));
        let fresh: Vec<_> = fresh.collect();
        self.untried.extend(fresh);
    }

    fn next(&mut self, now: Instant) -> Option<Step> {
        if self.current.is_none() && !self.untried.is_empty() {
            let addresses = std::mem::take(&mut self.untried);
            self.tried.extend(addresses.iter().cloned());
            return Some(Step::Dial(addresses));
        }
        match self.lookup {
            LookupState::NotBefore(at) if self.current.is_none() || at <= now => {
                self.lookup = LookupState::Running;
                Some(Step::LookUp)
            }
            LookupState::Done if self.current.is_none() => Some(Step::GiveUp),
            _ => None,
        }
    }

    fn failed(&mut self, peer: &PeerId, error: &DialError) {
        let Some((_, addresses)) = self.current.take() else { return };
        self.failure = Some(error.to_string());
        if let DialError::WrongPeerId { obtained, address } = error {
            let mut wrong = address.clone();
            if let Some(libp2p::multiaddr::Protocol::P2p(_)) = wrong.iter().last() {
                wrong.pop();
            }
            // The others were dropped when this one answered first: they get their own try.
            let others = addresses.into_iter().filter(|address| *address != wrong);
            self.untried.extend(others.filter_map(|address| dialable(&address, peer)));
            if let Some(actual) = crate::node_key_of(obtained) {
                self.wrong = Some((actual, wrong));
            }
        }
    }

    fn error(&mut self) -> NetworkError {
        let node = self.node;
        match (self.wrong.clone(), self.failure.clone()) {
            (Some((actual, address)), _) => NetworkError::WrongIdentity { expected: node, actual, address },
            (None, Some(reason)) => NetworkError::Unreachable { node, reason },
            (None, None) => NetworkError::NoAddress { node },
        }
    }
}

/// All tries under way, one a peer.
#[derive(Default)]
pub(crate) struct Dials(HashMap<PeerId, Dial>);

impl Dials {
    /// Begins a try, or joins the one under way.
    pub(crate) fn begin(&mut self, peer: PeerId, node: NodeKey, known: Vec<Multiaddr>, reply: ConnectReply) {
        let dial = self.0.entry(peer).or_insert_with(|| Dial {
            node,
            replies: Vec::new(),
            untried: Vec::new(),
            tried: Vec::new(),
            current: None,
            lookup: LookupState::NotBefore(Instant::now() + HEAD_START),
            wrong: None,
            failure: None,
        });
        dial.replies.push(reply);
        dial.add(known);
    }

    /// What to do next for `peer`; to be asked again until it says nothing.
    pub(crate) fn next(&mut self, peer: &PeerId, now: Instant) -> Option<Step> {
        self.0.get_mut(peer)?.next(now)
    }

    /// A dial for `peer` was started.
    pub(crate) fn started(&mut self, peer: &PeerId, connection: ConnectionId, addresses: Vec<Multiaddr>) {
        if let Some(dial) = self.0.get_mut(peer) {
            dial.current = Some((connection, addresses));
        }
    }

    /// A dial failed; answers which peer it was for, if it was one of these.
    pub(crate) fn failed(&mut self, connection: ConnectionId, error: &DialError) -> Option<PeerId> {
        let ours = |dial: &Dial| dial.current.as_ref().is_some_and(|(current, _)| *current == connection);
        let (peer, dial) = self.0.iter_mut().find(|(_, dial)| ours(dial))?;
        dial.failed(peer, error);
        Some(*peer)
    }

    /// A lookup for `peer` ended.
    pub(crate) fn found(&mut self, peer: &PeerId, addresses: Vec<Multiaddr>) {
        if let Some(dial) = self.0.get_mut(peer) {
            dial.lookup = LookupState::Done;
            dial.add(addresses);
        }
    }

    /// Whether a try for `peer` is under way.
    pub(crate) fn has(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    /// `peer` is connected, by whatever way.
    pub(crate) fn connected(&mut self, peer: &PeerId) {
        for reply in self.0.remove(peer).map(|dial| dial.replies).unwrap_or_default() {
            // Nobody may be waiting any more.
            let _ = reply.send(Ok(()));
        }
    }

    /// Nothing is left to try.
    pub(crate) fn give_up(&mut self, peer: &PeerId) {
        let Some(mut dial) = self.0.remove(peer) else { return };
        for reply in std::mem::take(&mut dial.replies) {
            let _ = reply.send(Err(dial.error()));
        }
    }

    /// Peers that somebody still waits for; the others are forgotten.
    pub(crate) fn awaited(&mut self) -> Vec<PeerId> {
        self.0.retain(|_, dial| dial.replies.iter().any(|reply| !reply.is_closed()));
        self.0.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{peer_id_of, NodeSecret};

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/1.2.3.4/tcp/{port}").parse().unwrap()
    }

    struct Try {
        dials: Dials,
        peer: PeerId,
        answer: oneshot::Receiver<Result<(), NetworkError>>,
    }

    fn begin(known: Vec<Multiaddr>) -> Try {
        let node = NodeSecret::from_seed([1; 32]).node_key();
        let peer = peer_id_of(&node).unwrap();
        let mut dials = Dials::default();
        let (reply, answer) = oneshot::channel();
        dials.begin(peer, node, known, reply);
        Try { dials, peer, answer }
    }

    #[test]
    fn looks_up_beside_a_slow_dial_and_dials_what_is_new() {
        let mut it = begin(vec![address(1)]);
        let now = Instant::now();
        assert_eq!(it.dials.next(&it.peer, now), Some(Step::Dial(vec![address(1)])));
        let connection = ConnectionId::new_unchecked(1);
        it.dials.started(&it.peer, connection, vec![address(1)]);
        assert_eq!(it.dials.next(&it.peer, now), None);
        assert_eq!(it.dials.next(&it.peer, now + 2 * HEAD_START), Some(Step::LookUp));
        it.dials.found(&it.peer, vec![address(1), address(2)]);
        assert_eq!(it.dials.next(&it.peer, now), None);
        assert_eq!(it.dials.failed(connection, &DialError::Aborted), Some(it.peer));
        assert_eq!(it.dials.next(&it.peer, now), Some(Step::Dial(vec![address(2)])));
    }

    #[test]
    fn tries_the_other_addresses_after_a_wrong_identity_and_reports_it() {
        let mut it = begin(vec![address(1), address(2)]);
        let now = Instant::now();
        let other = NodeSecret::from_seed([2; 32]).node_key();
        assert!(matches!(it.dials.next(&it.peer, now), Some(Step::Dial(_))));
        it.dials.started(&it.peer, ConnectionId::new_unchecked(1), vec![address(1), address(2)]);
        let wrong = DialError::WrongPeerId {
            obtained: peer_id_of(&other).unwrap(),
            address: address(1).with_p2p(it.peer).unwrap(),
        };
        it.dials.failed(ConnectionId::new_unchecked(1), &wrong);
        assert_eq!(it.dials.next(&it.peer, now), Some(Step::Dial(vec![address(2)])));
        it.dials.started(&it.peer, ConnectionId::new_unchecked(2), vec![address(2)]);
        it.dials.failed(ConnectionId::new_unchecked(2), &DialError::Aborted);
        assert_eq!(it.dials.next(&it.peer, now), Some(Step::LookUp));
        it.dials.found(&it.peer, vec![]);
        assert_eq!(it.dials.next(&it.peer, now), Some(Step::GiveUp));
        it.dials.give_up(&it.peer);
        let error = it.answer.try_recv().unwrap().unwrap_err();
        assert!(matches!(error, NetworkError::WrongIdentity { actual, .. } if actual == other));
    }

    #[test]
    fn without_any_address_says_so() {
        let mut it = begin(vec![]);
        assert_eq!(it.dials.next(&it.peer, Instant::now()), Some(Step::LookUp));
        it.dials.found(&it.peer, vec![]);
        assert_eq!(it.dials.next(&it.peer, Instant::now()), Some(Step::GiveUp));
        it.dials.give_up(&it.peer);
        assert!(matches!(it.answer.try_recv().unwrap(), Err(NetworkError::NoAddress { .. })));
        assert!(it.dials.awaited().is_empty());
    }
}
