//! What image editors leave in the segments of a JPEG. Tested in `jpeg`, on whole files.

use super::segments::u16_at;

/// Image resources for captions: IPTC-NAA and its digest. Programs that only catalogue photos write them too.
const CAPTIONS: [u16; 2] = [0x0404, 0x0425];

/// Whether a block of Photoshop's image resources holds any that is no caption. Each is `8BIM`, an id, a name as a
/// Pascal string, a length and the data, name and data padded to even length.
pub(super) fn holds_settings(mut block: &[u8]) -> bool {
    while let Some(rest) = block.strip_prefix(b"8BIM") {
        let (Some(id), Some(&name)) = (u16_at(rest, 0), rest.get(2)) else { return false };
        if !CAPTIONS.contains(&id) {
            return true;
        }
        let at = 2 + (usize::from(name) + 2) / 2 * 2;
        let Some(length) = rest.get(at..).and_then(|rest| rest.first_chunk()) else { return false };
        let length = u32::from_be_bytes(*length) as usize;
        block = rest.get(at + 4 + length.saturating_add(1) / 2 * 2..).unwrap_or_default();
    }
    false
}

/// Longest name kept of a program, in characters.
const MAX_NAME: usize = 128;

/// The value of `xmp:CreatorTool`, written as an attribute or as an element.
pub(super) fn creator_tool(packet: &[u8]) -> Option<String> {
    let packet = String::from_utf8_lossy(packet);
    let (_, rest) = packet.split_once("CreatorTool")?;
    let value = rest.trim_start_matches([' ', '=']).strip_prefix(['"', '\'', '>'])?;
    let end = value.find(['"', '\'', '<'])?;
    let name: String = value[..end].chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
