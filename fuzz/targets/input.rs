//! Reads decisions off an input: how a stream is cut into chunks, which steps are taken.

/// The bytes of an input, taken from the front. Beyond the end there are zeros, so that every input means something.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// At most this many bytes.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Cuts a stream into chunks of 1 to 64 bytes, as a seed says. Small ones are the usual ones.
pub(super) struct Chunks<'a> {
    rest: &'a [u8],
    state: u32,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(stream: &'a [u8], seed: u16) -> Self {
        Self { rest: stream, state: u32::from(seed) }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let random = self.state >> 16;
        let size = if random.is_multiple_of(4) { 1 + (random >> 2) % 64 } else { 1 + (random >> 2) % 5 };
        let (chunk, rest) = self.rest.split_at((size as usize).min(self.rest.len()));
        self.rest = rest;
        Some(chunk)
    }
}
