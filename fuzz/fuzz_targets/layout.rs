//! An image layout with correct digests but arbitrary documents and layer. The parts of the input
//! are the index, the manifest, the configuration and the layer. In them `@1`, `@2` and `@3` stand
//! for the digests of the parts after the index, and `@4`, `@5` and `@6` for their sizes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::output::oci::read_found;
use rootstrap_fuzz::{check_tree, file, spool};

fn replaced(document: &[u8], word: &[u8], by: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.windows(word.len()).position(|window| window == word) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by.as_bytes());
        rest = &rest[at + word.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |&byte| byte == 0xff);
    let [index, manifest, config, layer] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let sum = |bytes: &[u8]| Digest::of(Algorithm::Sha256, bytes);
    let layer_digest = sum(layer);
    let fill = |document: &[u8], number: u8, bytes: &[u8]| {
        let document = replaced(document, &[b'@', b'0' + number], &sum(bytes).to_string());
        replaced(&document, &[b'@', b'3' + number], &bytes.len().to_string())
    };
    let config = replaced(config, b"@3", &layer_digest.to_string());
    let manifest = fill(&fill(manifest, 2, &config), 3, layer);
    let index = fill(index, 1, &manifest);
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).expect("memory");
    };
    add("oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}");
    add("index.json", &index);
    for blob in [&manifest[..], &config[..], layer] {
        add(&format!("blobs/sha256/{}", sum(blob).hex()), blob);
    }
    let path = file("layout.tar", &tar.into_inner().expect("memory"));
    if let Ok(found) = read_found(&path, None, None, &spool()) {
        check_tree(&found.tree);
    }
});
