//! The cases of the specification's table for TrafficSplit (T01 to T73), with their exact numbers, as the
//! decisions amend them. Each test is named for what it shows and for its case.
//!
//! Where three texts are expected at once they are what was said in the merged reading of `Get`, in its leaf
//! reading, and by `GetProfile`.

mod decision_table;
mod edits;
mod emptiness;
mod existence;
mod names;
mod ports;
mod precedence;
mod properties;
mod scale;
mod similar_names;
mod spelling;
mod weights;
