//! Standing for election: a miner whose node can make blocks holds the collateral that its operator chose for that,
//! registers session keys, and stands where it may.

use async_trait::async_trait;
use lunarx_chain::{Call, Chain, ChainError, Signer};
use lunarx_core::{AccountId, Balance, BlockNumber, Hurdle, Lx};
use std::{collections::BTreeSet, sync::Arc};

/// Blocks between two looks.
const LOOK_EVERY: BlockNumber = 10;
/// Blocks until the next look after the chain refused a call: each attempt costs a fee.
const REFUSED_WAIT: BlockNumber = 1_200;

/// The node beside which the miner runs, as far as it makes blocks.
#[async_trait]
pub trait Authoring: Send + Sync + 'static {
    /// Whether the node holds the secrets of these session keys.
    async fn holds(&self, keys: &[u8]) -> Result<bool, ChainError>;

    /// Makes session keys, keeps their secrets, and proves that they belong to `owner`.
    async fn new_keys(&self, owner: AccountId) -> Result<SessionKeys, ChainError>;
}

/// New session keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKeys {
    /// The public keys, encoded as the runtime has them.
    pub keys: Vec<u8>,
    /// That they belong to their owner.
    pub proof: Vec<u8>,
}

/// Keeps the account's session keys those of its node, and the account among the candidates.
pub(crate) struct Candidacy {
    chain: Arc<dyn Chain>,
    signer: Signer,
    authoring: Arc<dyn Authoring>,
    /// Collateral to hold at least, in LX-units.
    collateral: Balance,
    next: BlockNumber,
    /// Made, and not on chain yet.
    made: Option<SessionKeys>,
    /// What was said already.
    told: BTreeSet<&'static str>,
}

impl Candidacy {
    pub fn new(
        chain: Arc<dyn Chain>,
        signer: Signer,
        authoring: Arc<dyn Authoring>,
        collateral: Balance,
    ) -> Self {
        Self { chain, signer, authoring, collateral, next: 0, made: None, told: BTreeSet::new() }
    }

    /// Looks once in [`LOOK_EVERY`] blocks. What fails is tried again then: making blocks is no condition of storing
    /// pieces.
    pub async fn step(&mut self, height: BlockNumber) {
        if height < self.next {
            return;
        }
        let wait = match self.look().await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "cannot stand for election now");
                if matches!(error, ChainError::Dispatch { .. }) {
                    REFUSED_WAIT
                } else {
                    LOOK_EVERY
                }
            }
        };
        self.next = height.saturating_add(wait);
    }

    async fn look(&mut self) -> Result<(), ChainError> {
        let account = self.signer.account();
        let mut info = self.chain.authority(account).await?;
        if matches!(info.hurdle, Some(Hurdle::NotRegistered | Hurdle::Exiting | Hurdle::Barred)) {
            self.tell(info.hurdle, "");
            return Ok(());
        }
        let amount = self.collateral.saturating_sub(info.collateral);
        if amount > 0 && self.chain.balance(account).await?.transferable > amount {
            let receipt = self.chain.submit(&self.signer, Call::TopUp { amount }).await?;
            tracing::info!(block = receipt.block, added = %Lx(amount), "added to the miner's collateral");
            info = self.chain.authority(account).await?;
        }
        let own = match &info.session_keys {
            Some(keys) => self.authoring.holds(keys).await?,
            None => false,
        };
        if !own {
            let made = match self.made.take() {
                Some(made) => made,
                None => self.authoring.new_keys(account).await?,
            };
            // Kept until they are on chain: the node stores every pair that it makes.
            let SessionKeys { keys, proof } = self.made.insert(made).clone();
            let receipt = self.chain.submit(&self.signer, Call::SetKeys { keys, proof }).await?;
            tracing::info!(block = receipt.block, "registered the node's session keys");
            self.made = None;
            info = self.chain.authority(account).await?;
        }
        match info.hurdle {
            None if info.rank.is_none() => {
                let receipt = self.chain.submit(&self.signer, Call::Stand).await?;
                tracing::info!(block = receipt.block, power = info.power, "stands for election as authority");
                self.told.clear();
            }
            None => {}
            Some(Hurdle::TooLittleCollateral) => {
                let missing = info.min_collateral.saturating_sub(info.collateral);
                let missing = format!(
                    "; {} LX more are needed: pass --miner-collateral, and fund the account",
                    Lx(missing)
                );
                self.tell(info.hurdle, &missing);
            }
            hurdle => self.tell(hurdle, ""),
        }
        Ok(())
    }

    /// Says once what keeps the miner from standing.
    fn tell(&mut self, hurdle: Option<Hurdle>, more: &str) {
        let why = match hurdle {
            Some(Hurdle::NotRegistered) => "it is not registered",
            Some(Hurdle::Exiting) => "it announced its exit",
            Some(Hurdle::Barred) => "it was barred for an offence",
            Some(Hurdle::NoSessionKeys) => "its session keys are not on chain yet",
            Some(Hurdle::TooLittleCollateral) => "its collateral is less than an authority's must be",
            Some(Hurdle::TooLittlePower) => "it has proven too little service lately",
            None => return,
        };
        if self.told.insert(why) {
            tracing::info!("the miner does not stand for election: {why}{more}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_chain::MemoryChain;
    use lunarx_core::{AuthorityInfo, LX};
    use std::sync::Mutex;

    /// A node that makes keys 1, 2, ... and loses them when told to.
    #[derive(Default)]
    struct Node(Mutex<(u8, Vec<Vec<u8>>)>);

    #[async_trait]
    impl Authoring for Node {
        async fn holds(&self, keys: &[u8]) -> Result<bool, ChainError> {
            Ok(self.0.lock().unwrap().1.iter().any(|held| held == keys))
        }

        async fn new_keys(&self, _: AccountId) -> Result<SessionKeys, ChainError> {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            let keys = vec![state.0; 64];
            state.1.push(keys.clone());
            Ok(SessionKeys { keys, proof: vec![0; 128] })
        }
    }

    struct Scene {
        chain: Arc<MemoryChain>,
        node: Arc<Node>,
        candidacy: Candidacy,
        account: AccountId,
    }

    fn scene(info: AuthorityInfo) -> Scene {
        let chain = Arc::new(MemoryChain::default());
        let signer = Signer::from_uri("//Miner").unwrap();
        let account = signer.account();
        chain.fund(account, LX);
        chain.set_authority(account, info);
        let node = Arc::new(Node::default());
        Scene { candidacy: Candidacy::new(chain.clone(), signer, node.clone(), 0), chain, node, account }
    }

    fn info(hurdle: Option<Hurdle>) -> AuthorityInfo {
        AuthorityInfo {
            power: 5,
            collateral: LX,
            min_collateral: LX,
            min_power: 1,
            session_keys: None,
            hurdle,
            rank: None,
            candidates: 0,
            authority: false,
            authorities: 3,
            last_block: None,
        }
    }

    #[tokio::test]
    async fn registers_keys_and_stands_once() {
        let mut scene = scene(info(Some(Hurdle::NoSessionKeys)));
        scene.candidacy.look().await.unwrap();
        let first = scene.chain.authority(scene.account).await.unwrap();
        assert_eq!((first.session_keys.clone(), first.rank), (Some(vec![1; 64]), Some(1)));
        scene.candidacy.look().await.unwrap();
        assert_eq!(scene.chain.authority(scene.account).await.unwrap(), first);
    }

    #[tokio::test]
    async fn replaces_keys_that_the_node_does_not_hold() {
        let mut scene = scene(AuthorityInfo { session_keys: Some(vec![9; 64]), ..info(None) });
        scene.candidacy.look().await.unwrap();
        assert_eq!(scene.chain.authority(scene.account).await.unwrap().session_keys, Some(vec![1; 64]));
        scene.node.0.lock().unwrap().1.clear();
        scene.candidacy.look().await.unwrap();
        assert_eq!(scene.chain.authority(scene.account).await.unwrap().session_keys, Some(vec![2; 64]));
    }

    #[tokio::test]
    async fn stands_again_when_it_was_dropped_and_may() {
        let mut scene = scene(info(None));
        scene.candidacy.look().await.unwrap();
        let mut dropped = scene.chain.authority(scene.account).await.unwrap();
        (dropped.rank, dropped.hurdle) = (None, Some(Hurdle::TooLittlePower));
        scene.chain.set_authority(scene.account, dropped.clone());
        scene.candidacy.look().await.unwrap();
        assert_eq!(scene.chain.authority(scene.account).await.unwrap().rank, None);
        dropped.hurdle = None;
        scene.chain.set_authority(scene.account, dropped);
        scene.candidacy.look().await.unwrap();
        assert!(scene.chain.authority(scene.account).await.unwrap().rank.is_some());
    }

    #[tokio::test]
    async fn pays_for_nothing_where_it_may_not_stand() {
        for hurdle in [Hurdle::NotRegistered, Hurdle::Exiting, Hurdle::Barred] {
            let mut scene = scene(info(Some(hurdle)));
            scene.candidacy.look().await.unwrap();
            assert_eq!(scene.chain.authority(scene.account).await.unwrap(), info(Some(hurdle)));
        }
    }
}
