//! Chooses the inputs that the repository keeps: few and small ones that reach as much of the code as possible.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::Places;

/// Inputs that are kept of one target.
const INPUTS_MAX: usize = 13;
/// Their size together, in bytes.
const BYTES_MAX: u64 = 12 * 1024;

/// One input and what it reaches.
#[derive(Debug, Default)]
struct Reached {
    path: PathBuf,
    bytes: u64,
    edges: HashSet<u64>,
}

/// Replaces the kept inputs of a target.
pub(super) fn run(places: &Places, target: &str) -> bool {
    let merged = places.found("merged", target);
    let control = places.found("logs", target).join("merge.control");
    let (kept, found) = (places.kept(target), places.found("corpus", target));
    let _ = fs::remove_dir_all(&merged);
    let _ = fs::remove_file(&control);
    if fs::create_dir_all(&merged).is_err() {
        return false;
    }
    let status = places
        .run(target)
        .args(["-merge=1", &format!("-merge_control_file={}", control.display())])
        .args([&merged, &found, &kept])
        .stderr(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("{target}: an input that is already known fails; run it without --keep first");
        return false;
    }
    let inputs = read_control(&fs::read_to_string(&control).unwrap_or_default());
    let chosen = choose(inputs);
    match replace(&kept, &chosen) {
        Ok(()) => {
            let bytes: u64 = chosen.iter().map(|input| input.bytes).sum();
            println!("{target}: keeps {} inputs, {bytes} bytes", chosen.len());
            true
        }
        Err(error) => {
            eprintln!("{target}: cannot write {}: {error}", kept.display());
            false
        }
    }
}

/// The control file of a merge: the number of inputs, of old ones, their paths; then lines with what each reached.
fn read_control(text: &str) -> Vec<Reached> {
    let mut lines = text.lines();
    let count = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
    let paths: Vec<_> = lines.by_ref().skip(1).take(count).collect();
    let mut inputs: HashMap<usize, Reached> = HashMap::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let Some(index) = words.next().and_then(|word| word.parse::<usize>().ok()) else { continue };
        let Some(path) = paths.get(index) else { continue };
        let input = inputs.entry(index).or_insert_with(|| Reached { path: path.into(), ..Default::default() });
        match kind {
            "STARTED" => input.bytes = words.next().and_then(|word| word.parse().ok()).unwrap_or(0),
            "COV" => input.edges.extend(words.filter_map(|word| word.parse::<u64>().ok())),
            _ => {}
        }
    }
    inputs.into_values().collect()
}

/// Again and again the input that adds most; among equals the smaller one, then the one whose name is first.
fn choose(mut inputs: Vec<Reached>) -> Vec<Reached> {
    let (mut chosen, mut bytes) = (Vec::<Reached>::new(), 0);
    while chosen.len() < INPUTS_MAX {
        inputs.retain(|input| !input.edges.is_empty() && bytes + input.bytes <= BYTES_MAX);
        let worth =
            |input: &&Reached| (input.edges.len(), u64::MAX - input.bytes, std::cmp::Reverse(input.path.clone()));
        let Some(best) = inputs.iter().max_by_key(worth) else { break };
        let best = Reached { path: best.path.clone(), bytes: best.bytes, edges: best.edges.clone() };
        for input in &mut inputs {
            input.edges.retain(|edge| !best.edges.contains(edge));
        }
        bytes += best.bytes;
        chosen.push(best);
    }
    chosen
}

/// Puts the chosen inputs, and nothing else, into the folder; each is named by the fuzzer after its content.
fn replace(folder: &Path, chosen: &[Reached]) -> std::io::Result<()> {
    let contents: Vec<_> = chosen.iter().map(|input| fs::read(&input.path)).collect::<Result<_, _>>()?;
    fs::remove_dir_all(folder)?;
    fs::create_dir_all(folder)?;
    for (input, content) in chosen.iter().zip(contents) {
        fs::write(folder.join(input.path.file_name().unwrap_or_default()), content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_inputs_are_kept_and_the_smaller_of_equals() {
        let control = "4\n0\n/c/a\n/c/b\n/c/c\n/c/d\nSTARTED 0 10\nFT 0 1 2\nCOV 0 1 2\nSTARTED 1 5\nCOV 1 1 2\nSTARTED 2 9\nCOV 2 2 3\nSTARTED 3 4\nCOV 3 2\n";
        let chosen = choose(read_control(control));
        let names: Vec<_> = chosen.iter().map(|input| input.path.display().to_string()).collect();
        assert_eq!(names, ["/c/b", "/c/c"]);
    }

    #[test]
    fn what_is_kept_stays_small() {
        let many = (0..100).map(|edge| Reached {
            path: format!("{edge}").into(),
            bytes: BYTES_MAX / 4,
            edges: HashSet::from([edge]),
        });
        assert_eq!(choose(many.collect()).len(), 4);
    }
}
