//! Frames: a `u32` length and that many bytes, bounded before anything is allocated.

use bytes::{Bytes, BytesMut};
use codec::Encode;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::{io, time::Duration};
use tokio::time::timeout;

/// Bytes of the length.
const LENGTH: usize = 4;

/// Why a frame did not come or go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the stream ended")]
    Closed,
    #[error("the stream ended within a frame")]
    Cut,
    #[error("frame of {len} bytes, expected at most {max}")]
    Oversized { len: usize, max: usize },
    #[error("malformed message: {0}")]
    Malformed(String),
    #[error("nothing within {0:?}")]
    TimedOut(Duration),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl FrameError {
    /// Whether only a peer that breaks the protocol causes it.
    pub(crate) fn is_violation(&self) -> bool {
        match self {
            Self::Oversized { .. } | Self::Malformed(_) => true,
            Self::Closed | Self::Cut | Self::TimedOut(_) | Self::Io(_) => false,
        }
    }
}

/// Reads frames. What is read of a frame survives when a call is dropped half way.
pub(crate) struct FrameReader<R> {
    io: R,
    length: [u8; LENGTH],
    body: Option<BytesMut>,
    filled: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(io: R) -> Self {
        Self { io, length: [0; LENGTH], body: None, filled: 0 }
    }

    /// The next frame, `max` bytes at most. It may take `idle` to begin, then `whole` to come in.
    pub(crate) async fn read(
        &mut self,
        max: usize,
        idle: Duration,
        whole: Duration,
    ) -> Result<Bytes, FrameError> {
        timeout(idle, self.begin()).await.map_err(|_| FrameError::TimedOut(idle))??;
        timeout(whole, self.next(max)).await.map_err(|_| FrameError::TimedOut(whole))?
    }

    /// The next frame, `max` bytes at most, whenever it comes.
    pub(crate) async fn next(&mut self, max: usize) -> Result<Bytes, FrameError> {
        while self.body.is_none() {
            while self.filled < LENGTH {
                self.filled += read_some(&mut self.io, &mut self.length[self.filled..], self.filled).await?;
            }
            let len = usize::try_from(u32::from_le_bytes(self.length)).unwrap_or(usize::MAX);
            if len > max {
                return Err(FrameError::Oversized { len, max });
            }
            self.body = Some(BytesMut::zeroed(len));
            self.filled = 0;
        }
        while let Some(body) = self.body.as_mut().filter(|body| self.filled < body.len()) {
            self.filled += read_some(&mut self.io, &mut body[self.filled..], LENGTH).await?;
        }
        self.filled = 0;
        Ok(self.body.take().unwrap_or_default().freeze())
    }

    /// Waits for the first byte of the next frame.
    async fn begin(&mut self) -> Result<(), FrameError> {
        if self.body.is_none() && self.filled == 0 {
            self.filled = read_some(&mut self.io, &mut self.length[..1], 0).await?;
        }
        Ok(())
    }
}

/// Reads at least one byte; `before` says how much of the frame came before.
async fn read_some(
    io: &mut (impl AsyncRead + Unpin),
    into: &mut [u8],
    before: usize,
) -> Result<usize, FrameError> {
    match io.read(into).await {
        Ok(0) if before == 0 => Err(FrameError::Closed),
        Ok(0) => Err(FrameError::Cut),
        Ok(count) => Ok(count),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(FrameError::Cut),
        Err(error) => Err(error.into()),
    }
}

/// Writes frames.
pub(crate) struct FrameWriter<W> {
    io: W,
    whole: Duration,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Each frame may take `whole` to go out.
    pub(crate) fn new(io: W, whole: Duration) -> Self {
        Self { io, whole }
    }

    /// A message, sent at once.
    pub(crate) async fn send(&mut self, message: &impl Encode) -> Result<(), FrameError> {
        self.send_bytes(&message.encode()).await
    }

    /// An encoded message, sent at once.
    pub(crate) async fn send_bytes(&mut self, message: &[u8]) -> Result<(), FrameError> {
        self.write(message, &[]).await?;
        let flushed = timeout(self.whole, self.io.flush()).await;
        Ok(flushed.map_err(|_| FrameError::TimedOut(self.whole))??)
    }

    /// A message in two parts. It may wait in buffers for the next ones.
    pub(crate) async fn write(&mut self, head: &[u8], payload: &[u8]) -> Result<(), FrameError> {
        let len = u32::try_from(head.len() + payload.len()).expect("messages are bounded far below; qed");
        let mut start = Vec::with_capacity(LENGTH + head.len());
        start.extend_from_slice(&len.to_le_bytes());
        start.extend_from_slice(head);
        let io = &mut self.io;
        let written = async {
            io.write_all(&start).await?;
            io.write_all(payload).await
        };
        let written = timeout(self.whole, written).await;
        Ok(written.map_err(|_| FrameError::TimedOut(self.whole))??)
    }

    /// Ends the stream in this direction.
    pub(crate) async fn close(&mut self) -> Result<(), FrameError> {
        let closed = timeout(self.whole, self.io.close()).await;
        Ok(closed.map_err(|_| FrameError::TimedOut(self.whole))??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn frames_come_out_as_they_went_in() {
        let (near, far) = tokio::io::duplex(7);
        let (mut writer, mut reader) =
            (FrameWriter::new(near.compat(), SECOND), FrameReader::new(far.compat()));
        let send = async {
            writer.write(&[1, 2], &[3; 100]).await.unwrap();
            writer.send(&5u64).await.unwrap();
            writer.send_bytes(&[]).await.unwrap();
            writer.close().await.unwrap();
        };
        let receive = async {
            let first = reader.read(102, SECOND, SECOND).await.unwrap();
            assert_eq!((&first[..2], &first[2..]), (&[1, 2][..], &[3; 100][..]));
            assert_eq!(&reader.read(8, SECOND, SECOND).await.unwrap()[..], 5u64.to_le_bytes());
            assert!(reader.read(0, SECOND, SECOND).await.unwrap().is_empty());
            assert!(matches!(reader.read(8, SECOND, SECOND).await, Err(FrameError::Closed)));
        };
        tokio::join!(send, receive);
    }

    #[tokio::test]
    async fn refuses_a_frame_by_its_length_alone() {
        let (near, far) = tokio::io::duplex(64);
        let mut near = near.compat();
        near.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
        let error = FrameReader::new(far.compat()).read(100, SECOND, SECOND).await.unwrap_err();
        assert!(matches!(error, FrameError::Oversized { max: 100, .. }) && error.is_violation());
    }

    #[tokio::test]
    async fn tells_a_cut_frame_from_an_ended_stream() {
        for bytes in [&[9][..], &[9, 0, 0, 0], &[9, 0, 0, 0, 1]] {
            let (near, far) = tokio::io::duplex(64);
            let mut near = near.compat();
            near.write_all(bytes).await.unwrap();
            drop(near);
            let error = FrameReader::new(far.compat()).read(100, SECOND, SECOND).await.unwrap_err();
            assert!(matches!(error, FrameError::Cut), "{error:?}");
        }
    }

    #[tokio::test]
    async fn slow_frames_end_in_time() {
        const SHORT: Duration = Duration::from_millis(20);
        let (near, far) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(far.compat());
        assert!(matches!(reader.read(9, SHORT, SHORT).await, Err(FrameError::TimedOut(_))));
        let mut near = near.compat();
        near.write_all(&[9, 0, 0, 0, 1]).await.unwrap();
        assert!(matches!(reader.read(9, SHORT, SHORT).await, Err(FrameError::TimedOut(_))));
    }

    #[tokio::test]
    async fn a_dropped_read_loses_nothing() {
        let (near, far) = tokio::io::duplex(64);
        let (mut near, mut reader) = (near.compat(), FrameReader::new(far.compat()));
        for byte in [3, 0, 0, 0, 7, 8] {
            near.write_all(&[byte]).await.unwrap();
            assert!(futures::poll!(std::pin::pin!(reader.next(9))).is_pending());
        }
        near.write_all(&[9]).await.unwrap();
        assert_eq!(&reader.next(9).await.unwrap()[..], [7, 8, 9]);
    }
}
