"""What Asterisk says when it loads rtbill's files among FreePBX's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.freepbx.with_rtbill import install_rtbill
from tests.integration.asterisk.test_loading import complaints, log_is_written

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab

REPLACED = {
    "sub-send-obroute-email",
    "macro-dialout-trunk-predial-hook",
    "macro-dialout-one-predial-hook",
}
"""Contexts where FreePBX's own first step comes after ours and is not taken."""


@pytest.mark.parametrize("policies", ["", 'incoming = "1009"\ngroups = "1009"\n'])
@pytest.mark.parametrize("inline_port", [0, 8123])
async def test_it_complains_of_the_three_steps_that_are_replaced_and_of_nothing_else(
    lab: FreePbxLab, policies: str, inline_port: int
) -> None:
    before = await log_is_written(lab)
    await lab.freepbx.reload()
    usual = set(await complaints(lab, before))
    before = await log_is_written(lab)
    await install_rtbill(lab, policies, inline_port=inline_port)
    said = [each for each in await complaints(lab, before) if each not in usual]
    in_use = [re.search(r"'s' priority 1 in '(.*)', already in use", each) for each in said]
    assert {found[1] for found in in_use if found} == REPLACED
    # The other half of each pair names the file: FreePBX's, never ours.
    files = [each for each, found in zip(said, in_use, strict=True) if not found]
    assert len(files) == len(REPLACED)
    assert all("Unable to register extension at line" in each for each in files)
    assert not any("rtbill" in each for each in files)
