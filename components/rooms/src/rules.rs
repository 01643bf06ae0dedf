//! What lies in Redis as version and body: moderation rules, settings of a namespace.

use tidegate_stream::calls::Reply;

use crate::bindings::exports::tidegate::rooms::rooms::Refusal;
use crate::region::Home;

/// Version and body; none when there are none.
pub(crate) async fn read(home: &Home, key: &str) -> Result<Option<(String, Vec<u8>)>, Refusal> {
    let arguments = [key.as_bytes(), b"version", b"body"];
    match &home.command("HMGET", &arguments).await?[..] {
        [Reply::Bytes(version), Reply::Bytes(body)] => Ok(Some((
            String::from_utf8_lossy(version).into_owned(),
            body.clone(),
        ))),
        [Reply::Nil, _] | [_, Reply::Nil] => Ok(None),
        _ => Err(Refusal::Fault("HMGET did not answer two values".to_owned())),
    }
}
