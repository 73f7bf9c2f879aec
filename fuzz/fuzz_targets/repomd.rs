//! `repomd.xml`: parsing, writing and parsing again gives the same result. It does not depend on
//! the pieces in which the file is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::{MetadataFile, MetadataFormat};
use rootstrap::rpm::index::RpmMd;

fuzz_target!(|data: &[u8]| {
    let revision = RpmMd.revision(data);
    let Ok(files) = RpmMd.files(data) else { return };
    let written = write(&files, revision.as_deref());
    let again = RpmMd.files(written.as_bytes()).unwrap_or_else(|error| panic!("{error} in {written}"));
    assert_eq!(again, files, "{written}");
    assert_eq!(RpmMd.revision(written.as_bytes()), revision, "{written}");
});

fn write(files: &[MetadataFile], revision: Option<&str>) -> String {
    let mut out = String::from("<repomd>");
    if let Some(revision) = revision {
        out += &format!("<revision>{}</revision>", escaped(revision));
    }
    for file in files {
        out += &format!("<data type=\"{}\">", escaped(&file.name));
        for (name, digest) in [("checksum", &file.digest), ("open-checksum", &file.open_digest)] {
            if let Some(digest) = digest {
                out += &format!("<{name} type=\"{}\">{}</{name}>", digest.algorithm().name(), digest.hex());
            }
        }
        for (name, size) in [("size", file.size), ("open-size", file.open_size)] {
            if let Some(size) = size {
                out += &format!("<{name}>{size}</{name}>");
            }
        }
        if let Some(location) = &file.location {
            out += &format!("<location href=\"{}\"/>", escaped(location));
        }
        out += "</data>";
    }
    out + "</repomd>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
