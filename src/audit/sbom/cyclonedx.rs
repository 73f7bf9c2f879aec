//! The bill as a CycloneDX 1.6 document (ECMA-424 and its JSON schema).

use serde::Serialize;

use super::identity::Identities;
use super::license::{License, Named};
use super::{Bill, Item, Supplier, Whole, content_uuid, purl, supplier, timestamp, version, web_address};
use crate::digest::{Algorithm, Digest};

/// A CycloneDX 1.6 document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    timestamp: String,
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Organization>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<ExternalReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component>,
}

#[derive(Debug, Default, Serialize)]
struct Organization {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact: Vec<Contact>,
}

#[derive(Debug, Serialize)]
struct Contact {
    name: String,
    email: String,
}

#[derive(Debug, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

/// An expression or a license name; the schema does not allow both in one component.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum LicenseChoice {
    Expression { expression: String, acknowledgement: &'static str },
    Named { license: NamedLicense },
}

#[derive(Debug, Serialize)]
struct NamedLicense {
    name: String,
    acknowledgement: &'static str,
}

#[derive(Debug, Serialize)]
struct ExternalReference {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

#[derive(Debug, Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

/// Returns the document of a bill.
pub fn document(bill: &Bill<'_>) -> Document {
    let mut identities = Identities::default();
    let whole_reference = identities.give("whole");
    let purls: Vec<Option<String>> =
        bill.packages.iter().map(|item| purl(bill.kind, &item.facts, bill.distribution.as_ref())).collect();
    let references: Vec<String> =
        bill.packages.iter().zip(&purls).map(|(item, purl)| identities.give(purl.as_deref().unwrap_or(&item.facts.id))).collect();
    let mut components: Vec<Component> = bill
        .packages
        .iter()
        .zip(purls)
        .zip(&references)
        .map(|((item, purl), reference)| component(item, purl, reference.clone()))
        .collect();
    let mut dependencies: Vec<Dependency> = Vec::with_capacity(components.len() + 1);
    let asked = match &bill.requested {
        Some(places) => places.iter().filter_map(|&place| references.get(place).cloned()).collect(),
        None => references.clone(),
    };
    dependencies.push(Dependency { reference: whole_reference.clone(), depends_on: sorted(asked) });
    for (item, reference) in bill.packages.iter().zip(&references) {
        let needed = item.needs.iter().filter_map(|need| references.get(need.package).cloned()).collect();
        dependencies.push(Dependency { reference: reference.clone(), depends_on: sorted(needed) });
    }
    let mut unowned = Vec::new();
    for file in bill.files.iter().flatten() {
        let entry = Component {
            kind: "file",
            name: file.path.to_string(),
            hashes: [&file.sha1, &file.sha256].into_iter().filter_map(hash).collect(),
            ..Component::default()
        };
        match file.package.and_then(|package| components.get_mut(package)) {
            Some(package) => package.components.push(entry),
            None => unowned.push(entry),
        }
    }
    let system = bill.distribution.map(|distribution| Component {
        kind: "operating-system",
        reference: Some(identities.give(&format!("os:{}", distribution.id))),
        name: distribution.id.to_owned(),
        version: distribution.version.map(str::to_owned),
        description: distribution.name.map(str::to_owned),
        ..Component::default()
    });
    components.splice(0..0, system);
    components.append(&mut unowned);
    let tool = Component {
        kind: "application",
        name: "rootstrap".to_owned(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..Component::default()
    };
    let whole = Component {
        kind: match bill.whole {
            Whole::Image => "container",
            Whole::Root => "operating-system",
        },
        reference: Some(whole_reference),
        name: bill.name.to_owned(),
        version: bill.distribution.and_then(|distribution| distribution.version).map(str::to_owned),
        ..Component::default()
    };
    let mut document = Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: String::new(),
        version: 1,
        metadata: Metadata { timestamp: timestamp(bill.time), tools: Tools { components: vec![tool] }, component: whole },
        components,
        dependencies,
    };
    document.serial_number = format!("urn:uuid:{}", content_uuid(&document));
    document
}

fn sorted(mut references: Vec<String>) -> Vec<String> {
    references.sort_unstable();
    references.dedup();
    references
}

fn component(item: &Item<'_>, purl: Option<String>, reference: String) -> Component {
    let facts = &*item.facts;
    let epoch = facts.epoch.filter(|&epoch| epoch > 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let address = |kind, url: Option<&str>| web_address(url).map(|url| ExternalReference { kind, url: url.to_owned() });
    let mut properties = Vec::new();
    let mut property = |name, value: Option<String>| properties.extend(value.map(|value| Property { name, value }));
    property("rootstrap:package:arch", facts.arch.clone());
    property("rootstrap:package:source", facts.source.clone());
    property("rootstrap:package:installed-size", (facts.installed_size > 0).then(|| facts.installed_size.to_string()));
    property("rootstrap:package:built", facts.build_time.filter(|&time| time > 0).map(timestamp));
    Component {
        kind: "library",
        reference: Some(reference),
        supplier: supplier(facts.vendor.as_deref()).map(|supplier| match supplier {
            Supplier::Person { name, address } => {
                Organization { name: None, contact: vec![Contact { name: name.to_owned(), email: address.to_owned() }] }
            }
            Supplier::Organization(name) => Organization { name: Some(name), contact: Vec::new() },
        }),
        name: facts.name.clone(),
        version: Some(epoch + &version(facts)),
        description: facts.summary.clone(),
        hashes: item.checksum.iter().filter_map(hash).collect(),
        licenses: facts.license.as_deref().and_then(license).into_iter().collect(),
        purl,
        external_references: [address("website", facts.url.as_deref()), address("distribution", item.download.as_deref())]
            .into_iter()
            .flatten()
            .collect(),
        properties,
        components: Vec::new(),
    }
}

/// Returns an expression if SPDX knows all of its parts. Otherwise returns the text of the package
/// as a name, because the format cannot explain license references.
fn license(text: &str) -> Option<LicenseChoice> {
    let license = License::parse(text, &mut Named::default())?;
    Some(if license.is_known {
        LicenseChoice::Expression { expression: license.expression, acknowledgement: "declared" }
    } else {
        LicenseChoice::Named { license: NamedLicense { name: text.trim().to_owned(), acknowledgement: "declared" } }
    })
}

/// Converts a digest. Returns `None` if the format lacks its algorithm.
fn hash(digest: &Digest) -> Option<Hash> {
    let alg = match digest.algorithm() {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha384 => "SHA-384",
        Algorithm::Sha512 => "SHA-512",
        Algorithm::Sha224 => return None,
    };
    Some(Hash { alg, content: digest.hex() })
}
