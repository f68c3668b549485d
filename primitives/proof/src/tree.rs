//! The shape that all trees here have: that of RFC 6962 §2.1, in which the left subtree of `n` leaves
//! holds the largest power of two below `n`. BLAKE3's own tree over chunks has it too (BLAKE3 paper,
//! §2.1), so one climb serves both.

/// Leaves in the left subtree of a tree of `leaves` leaves, which are at least two.
pub(crate) fn left_leaves(leaves: u64) -> u64 {
    leaves.next_power_of_two() / 2
}

/// Hashes on the way from leaf `index` of `leaves` to the root; `None` where there is no such leaf.
pub(crate) fn depth(index: u64, leaves: u64) -> Option<usize> {
    let mut depth = 0;
    let (mut index, mut last) = (index, leaves.checked_sub(1)?);
    if index > last {
        return None;
    }
    while last > 0 {
        // A last node without a sibling is raised to the next level as it is.
        if index & 1 == 1 || index < last {
            depth += 1;
        }
        index >>= 1;
        last >>= 1;
    }
    Some(depth)
}

/// Climbs from leaf `index` of `leaves` to the root: `join(left, right, top)` makes a parent, and `top`
/// says that it is the root. `None` where there is no such leaf, where `path` does not have exactly the
/// siblings of the way, or where `join` fails.
///
/// The siblings come from the leaf up (RFC 9162 §2.1.3.2).
pub(crate) fn climb<Node: Clone>(
    index: u64,
    leaves: u64,
    leaf: Node,
    path: &[Node],
    mut join: impl FnMut(Node, Node, bool) -> Option<Node>,
) -> Option<Node> {
    if depth(index, leaves)? != path.len() {
        return None;
    }
    let (mut index, mut last) = (index, leaves.checked_sub(1)?);
    let mut node = leaf;
    let mut rest = path.iter();
    while last > 0 {
        if index & 1 == 1 || index < last {
            let sibling = rest.next()?.clone();
            let top = rest.len() == 0;
            node = if index & 1 == 1 { join(sibling, node, top)? } else { join(node, sibling, top)? };
        }
        index >>= 1;
        last >>= 1;
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as its definition says, over the numbers of its leaves.
    fn root(from: u64, leaves: u64) -> String {
        if leaves == 1 {
            return from.to_string();
        }
        let left = left_leaves(leaves);
        format!("({} {})", root(from, left), root(from + left, leaves - left))
    }

    fn path(index: u64, from: u64, leaves: u64) -> Vec<String> {
        if leaves == 1 {
            return Vec::new();
        }
        let left = left_leaves(leaves);
        let (mut below, sibling) = if index < left {
            (path(index, from, left), root(from + left, leaves - left))
        } else {
            (path(index - left, from + left, leaves - left), root(from, left))
        };
        below.push(sibling);
        below
    }

    fn join(left: String, right: String, _: bool) -> Option<String> {
        Some(format!("({left} {right})"))
    }

    #[test]
    fn climbs_every_leaf_of_every_small_tree() {
        for leaves in 1..=70 {
            for index in 0..leaves {
                let path = path(index, 0, leaves);
                assert_eq!(depth(index, leaves), Some(path.len()), "{index} of {leaves}");
                let climbed = climb(index, leaves, index.to_string(), &path, join);
                assert_eq!(climbed, Some(root(0, leaves)), "{index} of {leaves}");
            }
        }
    }

    #[test]
    fn the_last_join_is_the_top() {
        for leaves in 2..40 {
            for index in 0..leaves {
                let path = vec![(); depth(index, leaves).unwrap()];
                let mut tops = Vec::new();
                climb(index, leaves, (), &path, |(), (), top| {
                    tops.push(top);
                    Some(())
                });
                assert_eq!(tops.pop(), Some(true));
                assert!(!tops.contains(&true));
            }
        }
    }

    #[test]
    fn refuses_leaves_and_paths_that_do_not_fit() {
        assert_eq!(depth(0, 0), None);
        assert_eq!(depth(5, 5), None);
        let long = vec![String::new(); 4];
        assert_eq!(climb(0, 5, String::new(), &long, join), None);
        assert_eq!(climb(4, 5, String::new(), &[], join), None);
        assert_eq!(climb(u64::MAX, u64::MAX, String::new(), &[], join), None);
        assert_eq!(depth(0, u64::MAX), Some(64));
    }
}
