//! The node's own RPC handlers as the transport of a chain client, without a socket between.

use futures::{stream, StreamExt};
use sc_service::RpcHandlers;
use serde_json::{json, value::RawValue, Value};
use subxt_rpcs::{
    client::{RawRpcFuture, RawRpcSubscription, RpcClientT},
    Error, UserError,
};

/// Calls the node's RPC methods directly.
pub struct InProcess(pub RpcHandlers);

impl InProcess {
    /// Sends one request; gives its result and the channel of a subscription's messages.
    async fn query(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
    ) -> Result<(Value, tokio::sync::mpsc::Receiver<String>), Error> {
        let params: Value = match params {
            Some(raw) => serde_json::from_str(raw.get()).map_err(Error::Deserialization)?,
            None => json!([]),
        };
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let (response, receiver) = self.0.rpc_query(&request).await.map_err(Error::Deserialization)?;
        let mut response: Value = serde_json::from_str(&response).map_err(Error::Deserialization)?;
        if let Some(error) = response.get("error") {
            let error: UserError = serde_json::from_value(error.clone()).map_err(Error::Deserialization)?;
            return Err(Error::User(error));
        }
        Ok((response["result"].take(), receiver))
    }
}

fn raw(value: &Value) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(value.to_string()).map_err(Error::Deserialization)
}

impl RpcClientT for InProcess {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(async move {
            let (result, _) = self.query(method, params).await?;
            raw(&result)
        })
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        params: Option<Box<RawValue>>,
        _unsub: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async move {
            let (result, receiver) = self.query(sub, params).await?;
            // Ids are texts or numbers. Dropping the receiver ends the subscription.
            let id = result.as_str().map(ToOwned::to_owned).or_else(|| Some(result.to_string()));
            let messages = stream::unfold(receiver, |mut receiver| async move {
                let message = receiver.recv().await?;
                Some((message, receiver))
            });
            let stream = messages.map(|message| {
                let message: Value = serde_json::from_str(&message).map_err(Error::Deserialization)?;
                raw(&message["params"]["result"])
            });
            Ok(RawRpcSubscription { stream: stream.boxed(), id })
        })
    }
}
