//! The handle's part for audits: what trackers ask of miners, and what miners, clients and verifiers ask of
//! trackers. Lists are bounded in both directions; nothing else of an answer is checked here.

use crate::{
    handle::Network,
    piece::{
        client::{ask, Question},
        wire::{max_proven_frame, Answer, Request, TooMany, MAX_ANSWER_FRAME, MAX_LIST_FRAME},
        Announcement, Heartbeat, ResolveRequest, Task, TaskResult, MAX_NODES, MAX_TASKS,
    },
    NetworkError,
};
use lunarx_core::{BlockNumber, ContractId, NodeKey, PieceId};

impl Network {
    /// Asks a miner to answer the challenge of a contract in a block. The caller verifies proofs and
    /// signature: there are at most `lunarx_proof::MAX_PROOFS`, that is all that is known of them.
    pub async fn prove(
        &self,
        miner: NodeKey,
        contract: ContractId,
        block: BlockNumber,
    ) -> Result<lunarx_proof::Answer, NetworkError> {
        let request = Request::Prove { contract, block };
        match self.ask(miner, request, "prove a contract", max_proven_frame()).await? {
            Answer::Proven(answer) => Ok(answer),
            other => Err(self.link(miner).unexpected(other)),
        }
    }

    /// Asks a miner whether it is there.
    pub async fn heartbeat(&self, miner: NodeKey) -> Result<Heartbeat, NetworkError> {
        match self.ask(miner, Request::Heartbeat, "answer a heartbeat", MAX_ANSWER_FRAME).await? {
            Answer::Heartbeat(heartbeat) => Ok(heartbeat),
            other => Err(self.link(miner).unexpected(other)),
        }
    }

    /// Tells a tracker what this node keeps under a contract.
    pub async fn announce(&self, tracker: NodeKey, announcement: Announcement) -> Result<(), NetworkError> {
        self.tell(tracker, Request::Announce(announcement), "take an announcement").await
    }

    /// Asks a tracker which miners keep a piece.
    pub async fn locate(&self, tracker: NodeKey, piece: PieceId) -> Result<Vec<NodeKey>, NetworkError> {
        self.nodes(tracker, Request::Locate { piece }, "locate a piece", MAX_NODES).await
    }

    /// Asks a tracker for miners to store with.
    pub async fn resolve(
        &self,
        tracker: NodeKey,
        request: ResolveRequest,
    ) -> Result<Vec<NodeKey>, NetworkError> {
        let most = request.count;
        self.nodes(tracker, Request::Resolve(request), "find miners", most).await
    }

    /// Asks a tracker for work; at most `most` and [`MAX_TASKS`] tasks.
    pub async fn tasks(&self, tracker: NodeKey, most: u32) -> Result<Vec<Task>, NetworkError> {
        let answer = self.ask(tracker, Request::Tasks { most }, "hand out tasks", MAX_LIST_FRAME).await?;
        match answer {
            Answer::Tasks(tasks) => {
                self.bounded(tracker, "tasks", tasks.len(), most.min(MAX_TASKS))?;
                Ok(tasks)
            }
            other => Err(self.link(tracker).unexpected(other)),
        }
    }

    /// Tells a tracker what became of a task.
    pub async fn result(&self, tracker: NodeKey, result: TaskResult) -> Result<(), NetworkError> {
        self.tell(tracker, Request::Result(result), "take a result").await
    }

    async fn ask(
        &self,
        node: NodeKey,
        request: Request,
        what: &'static str,
        max_answer: usize,
    ) -> Result<Answer, NetworkError> {
        request.check().map_err(|TooMany { what, count, max }| NetworkError::TooMany { what, count, max })?;
        let stream = self.open(node).await?;
        ask(&self.link(node), stream, Question { request, what, max_answer }).await
    }

    async fn tell(&self, node: NodeKey, request: Request, what: &'static str) -> Result<(), NetworkError> {
        match self.ask(node, request, what, MAX_ANSWER_FRAME).await? {
            Answer::Noted => Ok(()),
            other => Err(self.link(node).unexpected(other)),
        }
    }

    async fn nodes(
        &self,
        node: NodeKey,
        request: Request,
        what: &'static str,
        most: u32,
    ) -> Result<Vec<NodeKey>, NetworkError> {
        match self.ask(node, request, what, MAX_LIST_FRAME).await? {
            Answer::Nodes(nodes) => {
                self.bounded(node, "nodes", nodes.len(), most)?;
                Ok(nodes)
            }
            other => Err(self.link(node).unexpected(other)),
        }
    }

    /// Cuts a peer off that answers with more than was asked for.
    fn bounded(&self, node: NodeKey, what: &'static str, count: usize, max: u32) -> Result<(), NetworkError> {
        TooMany::check(what, count, max)
            .map_err(|_| self.link(node).violated(format!("{count} {what}, expected at most {max}")))
    }
}
