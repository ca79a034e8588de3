//! What grows: nesting, aliases of aliases, references, and lines without end.

use crate::words::few_or_many;
use proptest::{prelude::*, sample::select};

pub(crate) fn towers() -> impl Strategy<Value = String> {
    let nested = |(opener, depth): (&str, usize)| opener.repeat(depth);
    let openers = vec![
        "[", "{a: ", "- ", "? ", "[{a: ", "!x [", "&a [", "'", "\"\\", "-\n", "a:\n", "[\n", "#\n",
    ];
    prop_oneof![
        2 => (select(openers), few_or_many(200_000)).prop_map(nested),
        1 => few_or_many(1_000).prop_map(|depth| {
            lines(depth, |level| format!("{}a:\n", " ".repeat(level)))
        }),
        2 => (1..40_usize, 1..14_usize, any::<bool>()).prop_map(|(levels, width, maps)| {
            bomb(levels, width, maps)
        }),
        1 => few_or_many(60_000).prop_map(|count| {
            lines(count, |index| format!("a{index}: x\n"))
        }),
        1 => few_or_many(30_000).prop_map(|count| {
            lines(count, |index| format!("a{index}: &b{index} \"${{UNSET}}\"\n"))
        }),
        1 => few_or_many(60_000).prop_map(|count| format!("a: [{}]", "${UNSET} ${UNSET}, \n".repeat(count))),
        1 => (few_or_many(8_000), 0..200_usize).prop_map(|(width, lines)| {
            format!("\"{}\": x\n", "k".repeat(width)).repeat(lines)
        }),
    ]
}

fn lines(count: usize, line: fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

fn bomb(levels: usize, width: usize, maps: bool) -> String {
    let mut text = String::from("a0: &a0 x\n");
    for level in 1..levels {
        let below = level - 1;
        let items = (0..width).map(|item| {
            if maps { format!("k{item}: *a{below}, ") } else { format!("*a{below}, ") }
        });
        let items: String = items.collect();
        let (open, close) = if maps { ('{', '}') } else { ('[', ']') };
        text.extend([format!("a{level}: &a{level} {open}{items}{close}\n")]);
    }
    text
}
