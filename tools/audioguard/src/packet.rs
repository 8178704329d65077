//! Packets: a row of values, each of which says what it is.
//!
//! A packet is never passed on as it came. It is read value by value, and a new
//! one is made of the values, so that nothing gets through that another reader
//! would understand in another way.

use crate::protocol::{CHANNELS, command, tag};

/// The packet breaks a rule of the protocol; its connection is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

type Read<T> = Result<T, Malformed>;

/// The properties of a client or a stream: names, and data of any kind.
pub(crate) type Properties<'a> = Vec<(&'a [u8], &'a [u8])>;

/// What samples are like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SampleSpec {
    /// A number of `pa_sample_format_t`.
    pub(crate) format: u8,
    /// How many channels there are.
    pub(crate) channels: u8,
    /// Frames per second.
    pub(crate) rate: u32,
}

impl SampleSpec {
    /// Returns how many bytes `milliseconds` of such sound are.
    ///
    /// There is no answer for a format that does not exist; the server will
    /// refuse it.
    pub(crate) fn bytes(self, milliseconds: u32) -> Option<u32> {
        /// Bytes per sample, in the order of `pa_sample_format_t`.
        const SIZES: [u64; 13] = [1, 1, 1, 2, 2, 4, 4, 4, 4, 3, 3, 4, 4];

        let sample = SIZES.get(usize::from(self.format))?;
        let frames = u64::from(self.rate) * u64::from(milliseconds) / 1000;
        let bytes = frames * sample * u64::from(self.channels);
        u32::try_from(bytes).ok().filter(|&bytes| bytes > 0)
    }
}

/// Reads the values of a packet.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn expect(&mut self, tag: u8) -> Read<()> {
        let [found] = self.array()?;
        if found == tag { Ok(()) } else { Err(Malformed) }
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        self.expect(tag::U8)?;
        self.array().map(|[value]| value)
    }

    pub(crate) fn u32(&mut self) -> Read<u32> {
        self.expect(tag::U32)?;
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn boolean(&mut self) -> Read<bool> {
        match self.array()? {
            [tag::TRUE] => Ok(true),
            [tag::FALSE] => Ok(false),
            _ => Err(Malformed),
        }
    }

    /// Reads a string, without its NUL, or the value that is no string.
    pub(crate) fn string(&mut self) -> Read<Option<&'a [u8]>> {
        match self.array()? {
            [tag::STRING] => {
                let end = self.rest.iter().position(|&byte| byte == 0).ok_or(Malformed)?;
                let string = self.take(end)?;
                self.take(1)?;
                Ok(Some(string))
            }
            [tag::STRING_NULL] => Ok(None),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn arbitrary(&mut self) -> Read<&'a [u8]> {
        self.expect(tag::ARBITRARY)?;
        let length = self.array().map(u32::from_be_bytes)?;
        self.take(usize::try_from(length).map_err(|_| Malformed)?)
    }

    pub(crate) fn sample_spec(&mut self) -> Read<SampleSpec> {
        self.expect(tag::SAMPLE_SPEC)?;
        let [format, channels] = self.array()?;
        let rate = self.array().map(u32::from_be_bytes)?;
        Ok(SampleSpec { format, channels, rate })
    }

    pub(crate) fn channel_map(&mut self) -> Read<&'a [u8]> {
        self.expect(tag::CHANNEL_MAP)?;
        let count = self.channels()?;
        self.take(count)
    }

    /// Reads the volumes of all channels.
    pub(crate) fn volumes(&mut self) -> Read<Vec<u32>> {
        self.expect(tag::CVOLUME)?;
        (0..self.channels()?).map(|_| self.array().map(u32::from_be_bytes)).collect()
    }

    fn channels(&mut self) -> Read<usize> {
        match self.array()? {
            [count] if count <= CHANNELS => Ok(count.into()),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn properties(&mut self) -> Read<Properties<'a>> {
        self.expect(tag::PROPLIST)?;
        let mut properties = Vec::new();
        while let Some(key) = self.string()? {
            let length = self.u32()?;
            let value = self.arbitrary()?;
            if u32::try_from(value.len()) != Ok(length) {
                return Err(Malformed);
            }
            properties.push((key, value));
        }
        Ok(properties)
    }

    /// Reads how samples are encoded, and the properties of the encoding.
    pub(crate) fn format(&mut self) -> Read<(u8, Properties<'a>)> {
        self.expect(tag::FORMAT_INFO)?;
        Ok((self.u8()?, self.properties()?))
    }

    /// Refuses a packet in which something is left.
    pub(crate) fn end(&self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// Makes a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins a packet that asks for or tells `command`.
    pub(crate) fn new(command: u32, tag: u32) -> Self {
        let mut writer = Self::default();
        writer.u32(command);
        writer.u32(tag);
        writer
    }

    /// Begins the answer to the request `tag`.
    pub(crate) fn reply(tag: u32) -> Self {
        Self::new(command::REPLY, tag)
    }

    /// Makes the answer that the request `tag` is refused.
    pub(crate) fn refusal(tag: u32, code: u32) -> Vec<u8> {
        let mut writer = Self::new(command::ERROR, tag);
        writer.u32(code);
        writer.finish()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn put(&mut self, tag: u8, value: &[u8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.put(tag::U8, &[value]);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(tag::U32, &value.to_be_bytes());
    }

    pub(crate) fn usec(&mut self, value: u64) {
        self.put(tag::USEC, &value.to_be_bytes());
    }

    pub(crate) fn volume(&mut self, value: u32) {
        self.put(tag::VOLUME, &value.to_be_bytes());
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.put(if value { tag::TRUE } else { tag::FALSE }, &[]);
    }

    /// Writes a string, which ends where it has a NUL.
    pub(crate) fn string(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => {
                self.put(tag::STRING, value.split(|&byte| byte == 0).next().unwrap_or_default());
                self.bytes.push(0);
            }
            None => self.put(tag::STRING_NULL, &[]),
        }
    }

    pub(crate) fn arbitrary(&mut self, value: &[u8]) {
        self.put(tag::ARBITRARY, &length(value).to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn sample_spec(&mut self, spec: SampleSpec) {
        self.put(tag::SAMPLE_SPEC, &[spec.format, spec.channels]);
        self.bytes.extend_from_slice(&spec.rate.to_be_bytes());
    }

    pub(crate) fn channel_map(&mut self, map: &[u8]) {
        self.put(tag::CHANNEL_MAP, &[u8::try_from(map.len()).unwrap_or(CHANNELS)]);
        self.bytes.extend_from_slice(map);
    }

    pub(crate) fn volumes(&mut self, volumes: &[u32]) {
        self.put(tag::CVOLUME, &[u8::try_from(volumes.len()).unwrap_or(CHANNELS)]);
        self.bytes.extend(volumes.iter().flat_map(|volume| volume.to_be_bytes()));
    }

    pub(crate) fn properties<'a>(
        &mut self,
        properties: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        self.put(tag::PROPLIST, &[]);
        for (key, value) in properties {
            self.string(Some(key));
            self.u32(length(value));
            self.arbitrary(value);
        }
        self.string(None);
    }

    pub(crate) fn format<'a>(
        &mut self,
        encoding: u8,
        properties: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        self.put(tag::FORMAT_INFO, &[]);
        self.u8(encoding);
        self.properties(properties);
    }
}

/// Returns the length as it is written; a packet is never as long as 4 GiB.
fn length(value: &[u8]) -> u32 {
    u32::try_from(value.len()).unwrap_or(u32::MAX)
}

/// Reads one packet while it makes another, for the values that stay.
#[derive(Debug)]
pub(crate) struct Copier<'a> {
    /// What comes.
    pub(crate) from: Reader<'a>,
    /// What is passed on.
    pub(crate) to: Writer,
}

impl<'a> Copier<'a> {
    pub(crate) fn u32(&mut self) -> Read<u32> {
        let value = self.from.u32()?;
        self.to.u32(value);
        Ok(value)
    }

    pub(crate) fn u32s(&mut self, count: usize) -> Read<()> {
        (0..count).try_for_each(|_| self.u32().map(drop))
    }

    pub(crate) fn boolean(&mut self) -> Read<bool> {
        let value = self.from.boolean()?;
        self.to.boolean(value);
        Ok(value)
    }

    pub(crate) fn booleans(&mut self, count: usize) -> Read<()> {
        (0..count).try_for_each(|_| self.boolean().map(drop))
    }

    /// Copies a value of eight bytes with this tag.
    fn eight(&mut self, tag: u8) -> Read<()> {
        self.from.expect(tag)?;
        let value: [u8; 8] = self.from.array()?;
        self.to.put(tag, &value);
        Ok(())
    }

    pub(crate) fn usec(&mut self) -> Read<()> {
        self.eight(tag::USEC)
    }

    pub(crate) fn timeval(&mut self) -> Read<()> {
        self.eight(tag::TIMEVAL)
    }

    pub(crate) fn u64(&mut self) -> Read<()> {
        self.eight(tag::U64)
    }

    pub(crate) fn s64(&mut self) -> Read<()> {
        self.eight(tag::S64)
    }

    pub(crate) fn string(&mut self) -> Read<Option<&'a [u8]>> {
        let value = self.from.string()?;
        self.to.string(value);
        Ok(value)
    }

    pub(crate) fn sample_spec(&mut self) -> Read<SampleSpec> {
        let value = self.from.sample_spec()?;
        self.to.sample_spec(value);
        Ok(value)
    }

    pub(crate) fn channel_map(&mut self) -> Read<()> {
        let value = self.from.channel_map()?;
        self.to.channel_map(value);
        Ok(())
    }

    pub(crate) fn format(&mut self) -> Read<()> {
        let (encoding, properties) = self.from.format()?;
        self.to.format(encoding, properties);
        Ok(())
    }

    /// Ends both; nothing may be left.
    pub(crate) fn finish(self) -> Read<Vec<u8>> {
        self.from.end()?;
        Ok(self.to.finish())
    }
}
