//! From the results of units to files, whole.

use std::fs;
use std::path::Path;

use super::products::Products;
use super::*;
use crate::command::body::{Aside, Body, OutputFile, Taken};
use crate::command::study::CommandStudy;
use crate::runner::store::{Envelope, UnitStatus};

const GRID: &str = "[[grid]]\nname = \"noise\"\n\
                    values = [1e-8, { value = 1e-3, label = \"100000e-8\" }]\n\
                    [[grid]]\nname = \"trial\"\nfrom = 1\nto = 2\n";
const COLLECT: &str = "[study]\ntrials = \"trial\"\n[collect]\ntables = [\"results.csv\"]\n\
                       row_key = [\"method\", \"order\"]\n";

fn study(rest: &str) -> CommandStudy {
    let text = format!("workload = \"command\"\n[command]\nrun = \"x\"\n{rest}");
    CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap()
}

fn done(files: &[(&str, &str)]) -> Envelope {
    let file = |(name, text): &(&str, &str)| OutputFile {
        name: (*name).into(),
        bytes: text.as_bytes().to_vec(),
    };
    let body = Body { files: files.iter().map(file).collect() };
    let taken = Taken { file: "output.json".into(), place: "/timing".into(), text: "0.25".into() };
    let aside = Aside { seconds: 1.5, attempts: 2, volatile: vec![taken] };
    Envelope { status: UnitStatus::Done, reason: None, body: body.encode(), aside: aside.encode() }
}

/// A unit with this table.
fn with_table(text: &str) -> Envelope {
    done(&[("output.json", "{}"), ("results.csv", text)])
}

fn failed(reason: &str) -> Envelope {
    let aside = Aside::default().encode();
    Envelope { status: UnitStatus::Failed, reason: Some(reason.into()), body: Vec::new(), aside }
}

/// Collects units into a folder of results.
fn collect(study: &CommandStudy, units: &[Envelope], results: &Path) -> Result<Products, String> {
    let private = tempfile::tempdir_in(results).unwrap();
    let mut collector = UnitCollector::new(study, private.path()).map_err(|e| e.to_string())?;
    for (unit, envelope) in (0..).zip(units) {
        collector.take(unit, envelope).map_err(|e| e.to_string())?;
    }
    let products = collector.finish().map_err(|e| e.to_string())?;
    products.publish(results).unwrap();
    Ok(products)
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn a_study_becomes_tables_outputs_and_a_list_of_units() {
    let study = study(&format!("{GRID}{COLLECT}"));
    let folder = tempfile::tempdir().unwrap();
    let units = [
        with_table("method,order,nrmse\ngp,0,1e-08\ngp,1,0.50\n\"a,b\",0,3\n"),
        with_table("order,method,nrmse,note\n0,gp,3e-8,\"said \"\"no\"\"\"\n"),
        failed("exit code 3: \"no, thanks\""),
        with_table("method,order,nrmse\ngp,0,nan\n"),
    ];
    let products = collect(&study, &units, folder.path()).unwrap();
    assert_eq!((products.done, products.not_done, products.files), (3, 1, 3));
    let count =
        TableCount { name: "results.csv".into(), units: 3, rows: 5, missing_rows: 4, problems: 0 };
    assert_eq!(products.tables, [count]);

    let table = read(folder.path(), "tables/results.csv");
    let expected = [
        "noise,noise_label,trial,method,order,nrmse,note",
        "1e-8,1e-8,1,gp,0,1e-08,",
        "1e-8,1e-8,1,gp,1,0.50,",
        "1e-8,1e-8,1,\"a,b\",0,3,",
        "1e-8,1e-8,2,gp,0,3e-8,\"said \"\"no\"\"\"",
        "0.001,100000e-8,2,gp,0,nan,",
    ];
    assert_eq!(lines(&table), expected);

    let label = |unit| study.label_of(unit);
    let missing = read(folder.path(), "missing_rows.csv");
    let expected = [
        "table,label,method,order".to_owned(),
        format!("results.csv,{},gp,1", label(1)),
        format!("results.csv,{},\"a,b\",0", label(1)),
        format!("results.csv,{},gp,1", label(3)),
        format!("results.csv,{},\"a,b\",0", label(3)),
    ];
    assert_eq!(lines(&missing), expected);

    let summary = read(folder.path(), "summary.csv");
    let expected = [
        "table,noise,noise_label,method,order,column,count,mean,std,min,max",
        "results.csv,1e-8,1e-8,gp,0,nrmse,2,2e-8,1.4142135623730947e-8,1e-8,3e-8",
        "results.csv,1e-8,1e-8,gp,1,nrmse,1,0.5,,0.5,0.5",
        "results.csv,1e-8,1e-8,\"a,b\",0,nrmse,1,3,,3,3",
        "results.csv,0.001,100000e-8,gp,0,nrmse,0,,,,",
    ];
    assert_eq!(lines(&summary), expected);

    let list = read(folder.path(), "units.csv");
    let expected = [
        "index,label,noise,noise_label,trial,seed,status,reason".to_owned(),
        format!("0,{},1e-8,1e-8,1,{},done,", label(0), study.seed(0)),
        format!("1,{},1e-8,1e-8,2,{},done,", label(1), study.seed(1)),
        format!(
            "2,{},0.001,100000e-8,1,{},failed,\"exit code 3: \"\"no, thanks\"\"\"",
            label(2),
            study.seed(2)
        ),
        format!("3,{},0.001,100000e-8,2,{},done,", label(3), study.seed(3)),
    ];
    assert_eq!(lines(&list), expected);
    assert_eq!(lines(&read(folder.path(), "failures.csv")), [&expected[0], &expected[3]]);
    assert_eq!(lines(&read(folder.path(), "table_problems.csv")), ["label,table,problem"]);

    let outputs = names(&folder.path().join("outputs"));
    let expected = [0, 1, 3].map(|unit| format!("{}.json", label(unit)));
    assert!(expected.iter().all(|name| outputs.contains(name)) && outputs.len() == 3);

    // What differs from run to run is apart.
    let times = read(folder.path(), "times.csv");
    assert_eq!(lines(&times)[1], format!("0,{},1.500,2", label(0)));
    let volatile = read(folder.path(), "volatile.jsonl");
    let expected = format!(
        "{{\"label\":\"{}\",\"file\":\"output.json\",\"place\":\"/timing\",\"text\":\"0.25\"}}",
        label(0)
    );
    assert_eq!(lines(&volatile)[0], expected);
}

#[test]
fn what_differs_from_run_to_run_reaches_no_product() {
    let study = study(&format!("{GRID}{COLLECT}"));
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let unit = with_table("method,order\ngp,0\n");
    let units = [unit.clone(), failed("no output"), unit.clone(), unit];
    let mut slower = units.clone();
    for envelope in &mut slower {
        envelope.aside = Aside { seconds: 99.0, attempts: 7, volatile: Vec::new() }.encode();
    }
    collect(&study, &units, one.path()).unwrap();
    collect(&study, &slower, other.path()).unwrap();
    let files = ["tables/results.csv", "units.csv", "failures.csv", "summary.csv"];
    for name in files.into_iter().chain(["missing_rows.csv", "table_problems.csv"]) {
        assert_eq!(read(one.path(), name), read(other.path(), name), "{name}");
    }
    assert_ne!(read(one.path(), "times.csv"), read(other.path(), "times.csv"));
}

#[test]
fn a_table_that_cannot_be_used_is_named_and_the_others_go_on() {
    let study = study(&format!("{GRID}{COLLECT}"));
    let folder = tempfile::tempdir().unwrap();
    let units = [
        with_table("method,order,x\ngp,0,1\ngp,0,2\n"),
        with_table("method,order,x\ngp,0,1\n"),
        with_table("method,x\ngp,1\n"),
        done(&[("output.json", "{}")]),
    ];
    let products = collect(&study, &units, folder.path()).unwrap();
    let sum = |of: fn(&TableCount) -> u64| products.tables.iter().map(of).sum::<u64>();
    assert_eq!((sum(|table| table.problems), sum(|table| table.missing_rows)), (3, 0));
    let table = read(folder.path(), "tables/results.csv");
    assert_eq!(lines(&table)[1..], ["1e-8,1e-8,2,gp,0,1"]);
    let problems = read(folder.path(), "table_problems.csv");
    let label = |unit| study.label_of(unit);
    let expected = [
        "label,table,problem".to_owned(),
        format!("{},results.csv,\"two rows have method=gp, order=0\"", label(0)),
        format!(
            "{},results.csv,\"it has no column `order`, which collect.row_key names\"",
            label(2)
        ),
        format!("{},results.csv,the unit did not write it", label(3)),
    ];
    assert_eq!(lines(&problems), expected);
}

#[test]
fn fewer_rows_than_expected_are_refused_by_unit() {
    let expected = format!("{GRID}{COLLECT}expected_rows = 2\n");
    let study = study(&expected);
    let folder = tempfile::tempdir().unwrap();
    let good = with_table("method,order\na,1\na,2\na,3\n");
    let few = with_table("method,order\na,1\n");
    let twice = with_table("method,order\na,1\na,1\n");
    let units = [good.clone(), few, failed("no output"), twice];
    let error = collect(&study, &units, folder.path()).unwrap_err();
    let (one, three) = (study.label_of(1), study.label_of(3));
    let expected = format!(
        "2 units have fewer rows than collect.expected_rows = 2: {one} has 1 row in results.csv; \
         {three} has 0 rows in results.csv (two rows have method=a, order=1); mend the program"
    );
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(names(folder.path()), [""; 0], "nothing is in its place");
    let units = [good.clone(), good.clone(), failed("no output"), good];
    assert!(collect(&study, &units, folder.path()).is_ok());
}

#[test]
fn rows_are_expected_of_tables_with_the_key() {
    let text = format!("{GRID}{COLLECT}expected_rows = 1\n")
        .replace("[\"results.csv\"]", "[\"results.csv\", \"errors.csv\"]");
    let study = study(&text);
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("output.json", "{}"),
        ("errors.csv", "method,error\n"),
        ("results.csv", "method,order,x\na,1,5\n"),
    ];
    let units = [0; 4].map(|_| done(&files));
    let products = collect(&study, &units, folder.path()).unwrap();
    assert_eq!((products.tables[0].rows, products.tables[1].rows), (4, 0));
    assert_eq!(names(&folder.path().join("tables")), ["errors.csv", "results.csv"]);
    let errors = read(folder.path(), "tables/errors.csv");
    assert_eq!(errors, "noise,noise_label,trial,method,error\n");
}

#[test]
fn a_key_that_no_table_has_is_refused() {
    let study = study(&format!("{GRID}{COLLECT}").replace("\"order\"", "\"ordre\""));
    let folder = tempfile::tempdir().unwrap();
    let units = [0; 4].map(|_| with_table("method,order\na,1\n"));
    let error = collect(&study, &units, folder.path()).unwrap_err();
    assert!(error.contains("`method`, `ordre`: no table of any unit has all"), "{error}");
    assert!(error.contains("the columns are `method`, `order`"), "{error}");
}

#[test]
fn columns_of_the_same_name_are_told_apart() {
    let rest = "[[grid]]\nname = \"status\"\nvalues = [1, 2]\n[[grid]]\nname = \"count\"\n\
                values = [5]\n[study]\ntrials = \"status\"\n[collect]\ntables = [\"a.csv\"]\n";
    let study = study(rest);
    let folder = tempfile::tempdir().unwrap();
    let units =
        [0; 2].map(|_| done(&[("output.json", ""), ("a.csv", "status,x,output.status\n7,1,2\n")]));
    let products = collect(&study, &units, folder.path()).unwrap();
    assert_eq!(products.files, 0);
    let header = |name| read(folder.path(), name).lines().next().unwrap().to_owned();
    assert_eq!(header("tables/a.csv"), "status,count,output.status,x,output.output.status");
    assert_eq!(header("units.csv"), "index,label,grid.status,count,seed,status,reason");
    assert_eq!(header("summary.csv"), "table,grid.count,column,count,mean,std,min,max");
    // Without a row key, all rows of a configuration are one group.
    let summary = read(folder.path(), "summary.csv");
    assert_eq!(lines(&summary)[1..3], ["a.csv,5,status,2,7,0,7,7", "a.csv,5,x,2,1,0,1,1"]);
}

#[test]
fn trials_need_not_run_fastest() {
    let rest = "[[grid]]\nname = \"trial\"\nfrom = 1\nto = 3\n[[grid]]\nname = \"noise\"\n\
                values = [0.1, 0.2]\n[study]\ntrials = \"trial\"\n[collect]\ntables = [\"a.csv\"]\n";
    let study = study(rest);
    let folder = tempfile::tempdir().unwrap();
    let unit = |x: u32| done(&[("output.json", ""), ("a.csv", &format!("x\n{x}\n"))]);
    let units: Vec<Envelope> = [1, 10, 2, 20, 6, 60].map(unit).to_vec();
    collect(&study, &units, folder.path()).unwrap();
    let summary = read(folder.path(), "summary.csv");
    let expected = [
        "table,noise,column,count,mean,std,min,max",
        "a.csv,0.1,x,3,3,2.6457513110645907,1,6",
        "a.csv,0.2,x,3,30,26.457513110645905,10,60",
    ];
    assert_eq!(lines(&summary), expected);
}

#[test]
fn units_come_once_each_in_order() {
    let study = study(GRID);
    let folder = tempfile::tempdir().unwrap();
    let unit = done(&[("output.json", "{}")]);
    let short = collect(&study, &[unit.clone(), unit.clone()], folder.path()).unwrap_err();
    assert!(short.contains("unit 2 of 4 was expected"), "{short}");
    let many = collect(&study, &[0; 5].map(|_| unit.clone()), folder.path()).unwrap_err();
    assert!(many.contains("unit 4 where unit 4 of 4"), "{many}");
    let mut damaged = unit.clone();
    damaged.body.truncate(5);
    let units = [unit.clone(), damaged, unit.clone(), unit];
    let error = collect(&study, &units, folder.path()).unwrap_err();
    assert!(error.contains(&format!("the result of {} is damaged", study.label_of(1))), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_later_merge_replaces_all_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let with = study(&format!("{GRID}{COLLECT}"));
    let units = [0; 4].map(|_| with_table("method,order\na,1\n"));
    collect(&with, &units, folder.path()).unwrap();
    fs::write(folder.path().join("preview-tables-results.csv"), "old").unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    collect(&with, &units, folder.path()).unwrap();
    let expected = [
        "failures.csv",
        "missing_rows.csv",
        "notes.txt",
        "outputs",
        "summary.csv",
        "table_problems.csv",
        "tables",
        "times.csv",
        "units.csv",
        "volatile.jsonl",
    ];
    assert_eq!(names(folder.path()), expected);
    let without = study(&GRID.replace("to = 2", "to = 1"));
    let units = [done(&[("output.json", "[1]")]), failed("no output")];
    collect(&without, &units, folder.path()).unwrap();
    let expected =
        ["failures.csv", "notes.txt", "outputs", "times.csv", "units.csv", "volatile.jsonl"];
    assert_eq!(names(folder.path()), expected);
    assert_eq!(names(&folder.path().join("outputs")).len(), 1);
}

#[test]
fn a_preview_has_the_rows_so_far_and_is_no_product() {
    let study = study(&format!("{GRID}{COLLECT}expected_rows = 2\n"));
    let folder = tempfile::tempdir().unwrap();
    let private = tempfile::tempdir_in(folder.path()).unwrap();
    let mut previewer = Previewer::new(&study, private.path()).unwrap();
    previewer.take(1, &with_table("method,order,x\na,1,5\n")).unwrap();
    previewer.take(3, &failed("exit code 3")).unwrap();
    assert!(previewer.take(2, &failed("late")).is_err());
    let preview = previewer.finish(folder.path()).unwrap();
    drop(private);
    assert_eq!((preview.done, preview.not_done, preview.units), (1, 1, 4));
    assert_eq!(preview.tables[0].rows, 1);
    let expected = [
        "preview-failures.csv",
        "preview-missing_rows.csv",
        "preview-summary.csv",
        "preview-table_problems.csv",
        "preview-tables-results.csv",
        "preview-units.csv",
    ];
    assert_eq!(names(folder.path()), expected);
    assert_eq!(preview.files, expected.map(|name| folder.path().join(name)));
    let rows = read(folder.path(), "preview-tables-results.csv");
    assert_eq!(lines(&rows)[1..], ["1e-8,1e-8,2,a,1,5"]);
    assert_eq!(read(folder.path(), "preview-units.csv").lines().count(), 3);
}
