//! What is in the container's files.

use std::{
    collections::HashMap,
    fs::{self, FileType, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
};

use super::{Seen, json, net, os};

/// How much of a file is read where it is looked at as a whole.
const TEXT: u64 = 256 << 10;

/// The largest file in which a key is looked for.
const KEY: u64 = 64 << 10;

/// How much is streamed altogether.
const ALL: u64 = 16 << 30;

/// How many bytes in a row two keys must share to be two halves of one: no two
/// keys have so many in common, and no headers have.
const WINDOW: usize = 32;

/// Not to wait for the other end of a pipe, nor to get a terminal.
const NO_WAIT: i32 = 0o4_000 | 0o400;

/// The files of authorities' private keys, whatever is in them.
const AUTHORITIES: [&str; 2] = ["mitmproxy-ca.pem", "mitmproxy-ca.p12"];

/// The file systems of the kernel's own, in which nothing is kept.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Returns the texts of those of the files that can be read: path and text, in
/// turn.
pub(crate) fn read(paths: &[&str]) -> Vec<String> {
    let text = |path: &&str| text(Path::new(path), TEXT).map(|text| [(*path).to_owned(), text]);
    paths.iter().filter_map(text).flatten().collect()
}

fn text(path: &Path, most: u64) -> Option<String> {
    Some(String::from_utf8_lossy(&bytes(path, most)?).into_owned())
}

fn bytes(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = OpenOptions::new().read(true).custom_flags(NO_WAIT).open(path).ok()?;
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns those of the files that can be opened for writing; nothing is
/// written. A directory can be written if a file can be made in it.
pub(crate) fn writable(paths: &[&str]) -> Vec<String> {
    paths
        .iter()
        .filter(|path| is_writable(Path::new(path)))
        .map(|path| (*path).to_owned())
        .collect()
}

fn is_writable(path: &Path) -> bool {
    if !path.is_dir() {
        return OpenOptions::new().write(true).custom_flags(NO_WAIT).open(path).is_ok();
    }
    let trial = path.join(".ctr-verify-trial");
    let made = OpenOptions::new().write(true).create_new(true).open(&trial).is_ok();
    if made {
        let _ = fs::remove_file(&trial);
    }
    made
}

/// Returns the devices below `directory` that can be opened and lead to more
/// than the container: disks, memory, and what no container gets by itself.
pub(crate) fn devices(directory: &Path) -> Vec<String> {
    let mut seen = Vec::new();
    walk_from(directory, &mut usize::MAX.clone(), 8, &mut |path, kind| {
        let is_plain = kind.is_char_device()
            && fs::metadata(path).is_ok_and(|found| is_ordinary(found.rdev()));
        let is_device = kind.is_char_device() || kind.is_block_device();
        let opens = || OpenOptions::new().read(true).custom_flags(NO_WAIT).open(path).is_ok();
        if is_device && !is_plain && opens() {
            seen.push(path.display().to_string());
        }
    });
    seen
}

/// Says whether every container has the device: null, zero, full, the random
/// ones, and terminals (Documentation/admin-guide/devices.txt of the kernel).
fn is_ordinary(device: u64) -> bool {
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | (device >> 12) & 0xfff00);
    matches!((major, minor), (1, 3 | 5 | 7 | 8 | 9) | (5, 0..=2) | (136..=143, _) | (10, 200 | 229))
}

/// Looks for the private halves of the keys in `needles`, and for the files of
/// authorities, and says behind its label which was found where. A needle is a
/// label, a colon, and a key in hex or, behind an `@`, the file of a certificate.
pub(crate) fn keys(most: &str, depth: &str, needles: &str, roots: &[&str]) -> Seen {
    let number = |text: &str| text.parse::<usize>().map_err(|_| "no number".to_owned());
    let (most, depth) = (number(most)?, number(depth)?);
    let mut windows = HashMap::new();
    for needle in needles.split(',') {
        let Some((label, key)) = needle.split_once(':') else { continue };
        let public = match key.strip_prefix('@') {
            Some(path) => blocks(&bytes(Path::new(path), KEY).unwrap_or_default(), "CERTIFICATE"),
            None => vec![net::unhex(key).unwrap_or_default()],
        };
        let all = public.iter().flat_map(|each| each.windows(WINDOW));
        windows.extend(all.map(|window| (window.to_vec(), label)));
    }
    let mut seen = Vec::new();
    let is_whole = walk(roots, most, depth, |path, kind| {
        if let Some(label) = kind.is_file().then(|| whose(path, &windows)).flatten() {
            seen.push(format!("{label} {}", path.display()));
        }
    });
    if is_whole || !seen.is_empty() || depth < usize::MAX {
        return Ok(seen);
    }
    Err(format!("there are more than {most} files"))
}

/// Returns the label of the key whose private half is in a file.
fn whose<'a>(path: &Path, windows: &HashMap<Vec<u8>, &'a str>) -> Option<&'a str> {
    let size = fs::symlink_metadata(path).map_or(0, |found| found.len());
    if size == 0 || size > KEY {
        return None;
    }
    let bytes = bytes(path, KEY)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    if name.is_some_and(|name| AUTHORITIES.contains(&name.as_str())) {
        return Some("proxy");
    }
    let private = blocks(&bytes, "PRIVATE KEY");
    private
        .iter()
        .flat_map(|key| key.windows(WINDOW))
        .find_map(|window| windows.get(window).copied())
}

/// Returns what is in the blocks of a PEM file whose name ends in `kind`.
fn blocks(bytes: &[u8], kind: &str) -> Vec<Vec<u8>> {
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let block = |part: &str| {
        let (name, rest) = part.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        name.trim_end().ends_with(kind).then(|| base64(body))
    };
    text.split("-----BEGIN ").skip(1).filter_map(block).collect()
}

/// Reads base64 (RFC 4648), passing over what is not of it.
fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
        }
    }
    out
}

/// Shows `look` what is below `roots`, no link being followed. Says whether it
/// was all: of more than `most` files the rest is left out, and so is what is
/// more than `depth` directories down.
pub(crate) fn walk(
    roots: &[&str],
    most: usize,
    depth: usize,
    mut look: impl FnMut(&Path, FileType),
) -> bool {
    let mut left = most;
    roots.iter().all(|root| walk_from(Path::new(root), &mut left, depth, &mut look))
}

fn walk_from(
    root: &Path,
    left: &mut usize,
    depth: usize,
    look: &mut impl FnMut(&Path, FileType),
) -> bool {
    let mut directories: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    if let Some(found) = fs::symlink_metadata(root).ok().filter(|found| !found.is_dir()) {
        look(root, found.file_type());
    }
    while let Some((directory, level)) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if *left == 0 {
                return false;
            }
            *left -= 1;
            look(&path, kind);
            if kind.is_dir() && level < depth && !KERNEL.iter().any(|own| path == Path::new(own)) {
                directories.push((path, level + 1));
            }
        }
    }
    true
}

/// Writes all that can be read to standard output, each file behind a line of
/// JSON that says its path and how many bytes follow: what is mounted anywhere
/// but by the kernel, and the environment and arguments of all processes.
pub(crate) fn stream() {
    // The end of the input is the end of whoever began it.
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        os::die_after(1);
    });
    let mut output = io::BufWriter::with_capacity(1 << 18, io::stdout());
    let mut left = ALL;
    let mut told = |path: &Path| send(&mut output, path, &mut left);
    let mut is_open = true;
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in
        processes.filter(|each| each.file_name().to_string_lossy().parse::<u32>().is_ok())
    {
        for each in ["environ", "cmdline"] {
            is_open = is_open && told(&process.path().join(each)).is_ok();
        }
    }
    let shared = ["/dev/shm", "/dev/mqueue", "/"];
    walk(&shared, usize::MAX, usize::MAX, |path, kind| {
        if kind.is_file() && is_open {
            is_open = told(path).is_ok();
        }
    });
    let _ = writeln!(output, "{{\"end\":{}}}", left > 0).and_then(|()| output.flush());
}

/// Writes one file, or why it is left out.
fn send(output: &mut impl Write, path: &Path, left: &mut u64) -> io::Result<()> {
    let name = json::quoted(&path.to_string_lossy());
    let Ok(mut file) = OpenOptions::new().read(true).custom_flags(NO_WAIT).open(path) else {
        return Ok(());
    };
    if path.starts_with("/proc") {
        // They have no size before they are read.
        let mut contents = Vec::new();
        let _ = file.take(TEXT).read_to_end(&mut contents);
        writeln!(output, "{{\"path\":{name},\"bytes\":{}}}", contents.len())?;
        return output.write_all(&contents);
    }
    let size = file.metadata().map_or(0, |found| found.len());
    if size > *left {
        return writeln!(output, "{{\"path\":{name},\"left_out\":{size}}}");
    }
    *left -= size;
    writeln!(output, "{{\"path\":{name},\"bytes\":{size}}}")?;
    let mut buffer = vec![0; 1 << 16];
    let mut rest = size;
    while rest > 0 {
        let most = usize::try_from(rest).map_or(buffer.len(), |rest| rest.min(buffer.len()));
        let length = match file.read(&mut buffer[..most]) {
            Ok(length @ 1..) => length,
            // It became shorter meanwhile, and as many bytes were promised.
            _ => {
                buffer.fill(0);
                most
            }
        };
        output.write_all(&buffer[..length])?;
        rest -= length as u64;
    }
    Ok(())
}
