use tidegate_gslb::{Description, File, gdnsd, terraform};

use super::{EXAMPLE, small};

fn all(files: &[File]) -> String {
    files
        .iter()
        .map(|file| format!("=== {}\n{}", file.path, file.text))
        .collect()
}

#[test]
fn gdnsd_by_places() {
    let example = Description::parse(EXAMPLE).unwrap();
    insta::assert_snapshot!(all(&gdnsd::render(&example).unwrap()));
}

#[test]
fn gdnsd_by_order() {
    insta::assert_snapshot!(all(&gdnsd::render(&small("failover")).unwrap()));
}

#[test]
fn gdnsd_by_weight() {
    insta::assert_snapshot!(gdnsd::render(&small("weighted")).unwrap()[0].text);
}

#[test]
fn route_53_by_order() {
    insta::assert_snapshot!(all(&terraform::render(&small("failover"))));
}

/// Every block, as HCL understands it: kind and labels.
fn blocks(text: &str) -> Vec<String> {
    let body: hcl::Body = hcl::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    body.blocks()
        .map(|block| {
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            format!("{} {}", block.identifier.as_str(), labels.join(" "))
        })
        .collect()
}

#[test]
fn terraform_is_hcl_and_names_nothing_twice() {
    let example = Description::parse(EXAMPLE).unwrap();
    for description in [example, small("failover"), small("weighted")] {
        let text = &terraform::render(&description)[0].text;
        let mut blocks = blocks(text);
        let count = blocks.len();
        blocks.sort();
        blocks.dedup();
        assert_eq!(blocks.len(), count, "{blocks:#?}");
        let checks = blocks.iter().filter(|block| block.contains("health_check"));
        assert!(checks.count() >= description.regions.len() * 2);
    }
}

#[test]
fn every_alias_leads_to_a_name_that_is_there() {
    let example = Description::parse(EXAMPLE).unwrap();
    for description in [example, small("failover"), small("weighted")] {
        let text = &terraform::render(&description)[0].text;
        let body: hcl::Body = hcl::from_str(text).unwrap();
        let records: Vec<&hcl::Block> = body
            .blocks()
            .filter(|block| {
                block
                    .labels
                    .first()
                    .is_some_and(|l| l.as_str() == "aws_route53_record")
            })
            .collect();
        let field = |body: &hcl::Body, name: &str| {
            body.attributes()
                .find(|one| one.key.as_str() == name)
                .map(|one| one.expr.to_string())
        };
        let of = |block: &hcl::Block| (field(&block.body, "name"), field(&block.body, "type"));
        let names: Vec<_> = records.iter().map(|block| of(block)).collect();
        let mut aliases = 0;
        for record in &records {
            for alias in record
                .body
                .blocks()
                .filter(|block| block.identifier.as_str() == "alias")
            {
                let target = (field(&alias.body, "name"), field(&record.body, "type"));
                assert!(names.contains(&target), "{target:?} is nowhere in\n{text}");
                assert_ne!(target.0, field(&record.body, "name"));
                aliases += 1;
            }
        }
        assert!(aliases >= 4, "{text}");
    }
}

#[test]
fn a_region_of_weight_0_keeps_its_own_names_only() {
    let text = super::SMALL.replace("weight = 300", "weight = 0");
    for policy in ["failover", "geo", "weighted"] {
        let description = Description::parse(&text.replace("failover", policy)).unwrap();
        let config = &gdnsd::render(&description).unwrap()[0].text;
        assert!(config.contains("api-west =>"), "{config}");
        assert!(!config.contains("west => %multifo"), "{config}");
        assert!(!config.contains("west => {\n          a1 => ["), "{config}");
        let text = &terraform::render(&description)[0].text;
        assert!(text.contains("\"api-west.tg.test\""));
        assert!(!text.contains("    name                   = \"api-west.tg.test\""));
    }
}
