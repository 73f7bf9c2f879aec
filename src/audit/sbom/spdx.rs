//! The bill as an SPDX 2.3 document (the JSON form of chapters 6 to 11 of the specification).

#![allow(clippy::struct_field_names, reason = "the names are the format's")]

use serde::Serialize;

use super::identity::Identities;
use super::license::{License, Named};
use super::{Bill, FileItem, Item, Supplier, Whole, content_uuid, purl, supplier, timestamp, version, web_address};
use crate::digest::{Algorithm, Digest, Hasher};

/// The value for unknown facts.
const UNKNOWN: &str = "NOASSERTION";
/// The identifier of the document within itself.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// An SPDX 2.3 document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense>,
    relationships: Vec<Relationship>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
    license_list_version: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    name: String,
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: String,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_verification_code: Option<VerificationCode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    built_date: Option<String>,
}

#[derive(Debug, Serialize)]
struct VerificationCode {
    #[serde(rename = "packageVerificationCodeValue")]
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_name: String,
    #[serde(rename = "SPDXID")]
    id: String,
    checksums: Vec<Checksum>,
    license_concluded: &'static str,
    license_info_in_files: [&'static str; 1],
    copyright_text: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense {
    license_id: String,
    name: String,
    extracted_text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Returns the document of a bill.
pub fn document(bill: &Bill<'_>) -> Document {
    let mut identities = Identities::default();
    let mut named = Named::default();
    let whole_id = identities.spdx("Whole", bill.name);
    let ids: Vec<String> =
        bill.packages.iter().map(|item| identities.spdx("Package", &format!("{}-{}", bill.kind, item.facts.id))).collect();
    let mut packages = vec![whole(bill, whole_id.clone())];
    for (item, id) in bill.packages.iter().zip(&ids) {
        packages.push(package(bill, item, id.clone(), &mut named));
    }
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", &whole_id, None)];
    relationships.extend(ids.iter().map(|id| relationship(&whole_id, "CONTAINS", id, None)));
    for (item, id) in bill.packages.iter().zip(&ids) {
        for need in item.needs {
            let Some(needed) = ids.get(need.package) else { continue };
            relationships.push(relationship(id, "DEPENDS_ON", needed, Some(need.capabilities.join(", "))));
        }
    }
    let mut files = Vec::new();
    if let Some(items) = &bill.files {
        files = items.iter().map(|item| file(item, &mut identities)).collect();
        for (item, file) in items.iter().zip(&files) {
            let owner = item.package.and_then(|owner| ids.get(owner)).unwrap_or(&whole_id);
            relationships.push(relationship(owner, "CONTAINS", &file.id, None));
        }
        analyse(&mut packages, items);
    }
    let has_extracted_licensing_infos = named
        .iter()
        .map(|(id, text)| ExtractedLicense {
            license_id: id.to_owned(),
            name: text.to_owned(),
            extracted_text: format!("The package says of its licence: {text}"),
        })
        .collect();
    let license_list_version = spdx::license_version().splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: bill.name.to_owned(),
        document_namespace: String::new(),
        creation_info: CreationInfo {
            created: timestamp(bill.time),
            creators: vec![format!("Tool: rootstrap-{}", env!("CARGO_PKG_VERSION"))],
            license_list_version,
        },
        packages,
        files,
        has_extracted_licensing_infos,
        relationships,
    };
    // The specification recommends this form for creators without a website (6.5).
    document.document_namespace = format!("https://spdx.org/spdxdocs/rootstrap-{}", content_uuid(&document));
    document
}

fn relationship(from: &str, kind: &'static str, to: &str, comment: Option<String>) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
        comment: comment.filter(|comment| !comment.is_empty()),
    }
}

fn whole(bill: &Bill<'_>, id: String) -> Package {
    Package {
        name: bill.name.to_owned(),
        id,
        version_info: bill.distribution.and_then(|distribution| distribution.version).map(str::to_owned),
        supplier: Some(UNKNOWN.to_owned()),
        download_location: UNKNOWN.to_owned(),
        files_analyzed: false,
        package_verification_code: None,
        checksums: Vec::new(),
        homepage: None,
        source_info: None,
        license_concluded: UNKNOWN,
        license_declared: UNKNOWN.to_owned(),
        copyright_text: UNKNOWN,
        summary: bill.distribution.map(|distribution| distribution.name.unwrap_or(distribution.id).to_owned()),
        description: None,
        external_refs: Vec::new(),
        primary_package_purpose: Some(match bill.whole {
            Whole::Image => "CONTAINER",
            Whole::Root => "OPERATING-SYSTEM",
        }),
        built_date: None,
    }
}

fn package(bill: &Bill<'_>, item: &Item<'_>, id: String, named: &mut Named) -> Package {
    let facts = &*item.facts;
    let license = facts.license.as_deref().and_then(|text| License::parse(text, named));
    let epoch = facts.epoch.filter(|&epoch| epoch > 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let locator = purl(bill.kind, facts, bill.distribution.as_ref());
    Package {
        name: facts.name.clone(),
        id,
        version_info: Some(epoch + &version(facts)),
        supplier: Some(match supplier(facts.vendor.as_deref()) {
            Some(Supplier::Person { name, address }) => format!("Person: {name} ({address})"),
            Some(Supplier::Organization(name)) => format!("Organization: {name}"),
            None => UNKNOWN.to_owned(),
        }),
        download_location: web_address(item.download.as_deref()).unwrap_or(UNKNOWN).to_owned(),
        files_analyzed: false,
        package_verification_code: None,
        checksums: item.checksum.iter().map(checksum).collect(),
        homepage: web_address(facts.url.as_deref()).map(str::to_owned),
        source_info: facts.source.as_ref().map(|source| format!("built from the source package {source}")),
        license_concluded: UNKNOWN,
        license_declared: license.map_or_else(|| UNKNOWN.to_owned(), |license| license.expression),
        copyright_text: UNKNOWN,
        summary: facts.summary.clone(),
        description: facts.description.clone(),
        external_refs: locator.into_iter().map(package_url).collect(),
        primary_package_purpose: None,
        built_date: facts.build_time.filter(|&time| time > 0).map(timestamp),
    }
}

fn package_url(locator: String) -> ExternalRef {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: locator }
}

fn checksum(digest: &Digest) -> Checksum {
    let algorithm = match digest.algorithm() {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha224 => "SHA224",
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
    };
    Checksum { algorithm, checksum_value: digest.hex() }
}

fn file(item: &FileItem<'_>, identities: &mut Identities) -> File {
    File {
        file_name: format!(".{}", item.path),
        id: identities.spdx("File", &item.path),
        checksums: vec![checksum(&item.sha1), checksum(&item.sha256)],
        license_concluded: UNKNOWN,
        license_info_in_files: [UNKNOWN],
        copyright_text: UNKNOWN,
    }
}

/// Sets the package verification code of each package with files: the digest of its files' digests
/// (7.9).
fn analyse(packages: &mut [Package], files: &[FileItem<'_>]) {
    let mut digests: Vec<Vec<String>> = vec![Vec::new(); packages.len()];
    for file in files {
        // The first package is the whole set, which owns the files without a package.
        let place = file.package.map_or(0, |package| package.saturating_add(1));
        if let Some(digests) = digests.get_mut(place) {
            digests.push(file.sha1.hex());
        }
    }
    for (package, mut digests) in packages.iter_mut().zip(digests) {
        if digests.is_empty() {
            continue;
        }
        digests.sort_unstable();
        let mut hasher = Hasher::new(Algorithm::Sha1);
        hasher.update(digests.concat().as_bytes());
        package.files_analyzed = true;
        package.package_verification_code = Some(VerificationCode { value: hasher.finish().hex() });
    }
}
