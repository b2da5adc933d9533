//! What a run says of its photos together: names against their rule, photos against the list of candidates, one picture
//! under several names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Text;

/// The findings of a run over many photos, when it was asked for any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// Candidates of the list, when there was one.
    pub candidates: Option<u64>,
    /// Candidates with a photo.
    pub with_photo: Option<u64>,
    /// What is not as it should be, by kind.
    pub list: Vec<Finding>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind it is.
    pub kind: FindingKind,
    /// The photos it is about, as rows name them.
    pub paths: Vec<String>,
    /// The candidate's number.
    pub number: Option<String>,
    /// The candidate's name.
    pub name: Option<String>,
    /// What was found.
    pub text: Text,
}

/// Kinds of findings, in the order they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A file's name breaks the rule.
    FileName,
    /// A number stands twice in the list.
    RepeatedCandidate,
    /// A candidate without a photo.
    MissingPhoto,
    /// A photo without a candidate.
    NoCandidate,
    /// A candidate with several photos.
    DuplicatePhoto,
    /// A photo whose name has another person's name than the list.
    OtherName,
    /// Files with the same bytes.
    SameBytes,
    /// Files of the same picture.
    SamePicture,
    /// A photo that was not sorted into its folder.
    NotSorted,
}

impl FindingKind {
    /// The kind in words.
    pub fn text(self) -> Text {
        match self {
            FindingKind::FileName => Text::new("文件名不符", "file name"),
            FindingKind::RepeatedCandidate => Text::new("名单重复", "repeated in the list"),
            FindingKind::MissingPhoto => Text::new("缺照片", "missing photo"),
            FindingKind::NoCandidate => Text::new("名单中没有", "no candidate"),
            FindingKind::DuplicatePhoto => Text::new("重复照片", "several photos"),
            FindingKind::OtherName => Text::new("姓名不一致", "other name"),
            FindingKind::SameBytes => Text::new("文件相同", "same file"),
            FindingKind::SamePicture => Text::new("画面相同", "same picture"),
            FindingKind::NotSorted => Text::new("未分类", "not sorted"),
        }
    }
}

impl Findings {
    /// Puts the list in order: by kind, each kind as it was found.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|finding| finding.kind);
    }
}
