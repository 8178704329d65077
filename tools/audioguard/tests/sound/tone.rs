//! Tones: made, and looked at when they come out.

use std::f64::consts::TAU;

/// Frames per second of all sound here.
pub const RATE: u32 = 48_000;

/// A file in the form of WAVE with `seconds` of 440 Hz in two channels of 16 bit.
pub fn wave(seconds: u32) -> Vec<u8> {
    let frames = RATE * seconds;
    let size = frames * 4;
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + size).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&[1, 0, 2, 0]); // PCM, two channels
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE * 4).to_le_bytes());
    file.extend_from_slice(&[4, 0, 16, 0]); // bytes per frame, bits per sample
    file.extend_from_slice(b"data");
    file.extend_from_slice(&size.to_le_bytes());
    for frame in 0..frames {
        let value = (f64::from(frame) * 440.0 * TAU / f64::from(RATE)).sin();
        #[expect(clippy::cast_possible_truncation, reason = "a sine is at most 1")]
        let sample = (value * 16_000.0) as i16;
        file.extend_from_slice(&sample.to_le_bytes());
        file.extend_from_slice(&sample.to_le_bytes());
    }
    file
}

/// What was heard.
#[derive(Debug)]
pub struct Heard {
    /// From the first sound to the last, in seconds.
    pub seconds: f64,
    /// How often the wave rises through zero in a second of sound.
    pub pitch: f64,
    /// The longest silence within, in milliseconds.
    pub gap: u32,
}

/// Listens to one channel of 16 bit at [`RATE`], in windows of 10 ms.
pub fn listen(recording: &[u8]) -> Option<Heard> {
    const WINDOW: usize = 480;

    let samples: Vec<i16> =
        recording.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let loud: Vec<bool> = samples
        .chunks(WINDOW)
        .map(|window| window.iter().any(|sample| sample.unsigned_abs() > 1000))
        .collect();
    let first = loud.iter().position(|&loud| loud)?;
    let last = loud.iter().rposition(|&loud| loud)?;
    let silence = loud[first..=last].split(|&loud| loud).map(<[bool]>::len).max()?;
    let heard = &samples[first * WINDOW..((last + 1) * WINDOW).min(samples.len())];
    let rises = heard.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let silent = loud[first..=last].iter().filter(|&&loud| !loud).count();
    let seconds = f64::from(u32::try_from(heard.len()).unwrap()) / f64::from(RATE);
    let sounding = seconds - f64::from(u32::try_from(silent).unwrap()) / 100.0;
    let pitch = f64::from(u32::try_from(rises).unwrap()) / sounding;
    Some(Heard { seconds, pitch, gap: u32::try_from(silence * 10).unwrap() })
}
