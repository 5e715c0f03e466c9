"""What a site writes beside FreePBX's files takes effect: hooks, subroutines, AMI users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import rejecting

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab


def returns(lab: FreePbxLab) -> str:
    """How a hook goes back to FreePBX."""
    return "MacroExit()" if lab.freepbx.version == 16 else "Return()"


async def test_hook_of_the_site_replaces_the_blank_one_and_runs_for_each_attempt(
    lab: FreePbxLab,
) -> None:
    await lab.freepbx.install_custom(
        "[macro-dialout-trunk-predial-hook]\n"
        "exten => s,1,UserEvent(Hook,Trunk: ${DIAL_TRUNK},Number: ${DIAL_NUMBER},"
        "Options: ${DIAL_TRUNK_OPTIONS})\n"
        f" same => n,{returns(lab)}\n"
    )
    lab.carrier.policies["*"] = rejecting(503)
    await lab.phones.call("1001", "9555400").wait(State.UP)
    assert [call.me for call in lab.backup.incoming] == ["555400"]
    ran = lab.ami.seen("UserEvent", lambda event: event["UserEvent"] == "Hook")
    assert [(each["Trunk"], each["Number"], each["Options"]) for each in ran] == [
        ("1", "555400", "T"),
        ("2", "555400", "T"),
    ]


async def test_bypass_by_the_hook_skips_the_trunk(lab: FreePbxLab) -> None:
    await lab.freepbx.install_custom(
        "[macro-dialout-trunk-predial-hook]\n"
        'exten => s,1,Set(PREDIAL_HOOK_RET=${IF($["${DIAL_TRUNK}" = "1"]?BYPASS:)})\n'
        f" same => n,{returns(lab)}\n"
    )
    await lab.phones.call("1001", "555401").wait(State.UP)
    assert lab.carrier.incoming == []
    assert [call.me for call in lab.backup.incoming] == ["555401"]


async def test_hook_that_does_not_return_ends_the_call_in_17_only(lab: FreePbxLab) -> None:
    await lab.freepbx.install_custom(
        "[macro-dialout-trunk-predial-hook]\nexten => s,1,NoOp(and nothing else)\n"
    )
    call = lab.phones.call("1001", "555402")
    if lab.freepbx.version == 16:
        await call.wait(State.UP)
    else:
        assert await call.ended() >= 400
        assert lab.carrier.incoming == []


async def test_hook_written_for_the_other_version_ends_the_call(lab: FreePbxLab) -> None:
    other = "Return()" if lab.freepbx.version == 16 else "MacroExit()"
    await lab.freepbx.install_custom(f"[macro-dialout-trunk-predial-hook]\nexten => s,1,{other}\n")
    assert await lab.phones.call("1001", "555403").ended() >= 400
    assert lab.carrier.incoming == []


@pytest.mark.parametrize("on_call", [True, False])
async def test_route_mail_takes_the_place_of_a_subroutine_of_the_hook(
    lab: FreePbxLab, *, on_call: bool
) -> None:
    await lab.freepbx.route_mail(on_call=on_call)
    await lab.freepbx.install_custom(
        "[macro-dialout-trunk-predial-hook]\n"
        "exten => s,1,Set(DIAL_TRUNK_OPTIONS=${DIAL_TRUNK_OPTIONS}U(lab-up))\n"
        f" same => n,{returns(lab)}\n"
        "[lab-up]\nexten => s,1,UserEvent(Answered)\n same => n,Return()\n"
    )
    await lab.phones.call("1001", "555404").wait(State.UP)
    await lab.talking("PJSIP/carrier-")
    ran = lab.ami.seen("UserEvent", lambda event: event["UserEvent"] == "Answered")
    assert len(ran) == (not on_call)


async def test_override_file_can_step_in_front_of_the_route_mail(lab: FreePbxLab) -> None:
    await lab.freepbx.install(
        {
            "extensions_override_freepbx.conf": "[sub-send-obroute-email]\n"
            "exten => s,1,Gosub(lab-up,s,1(${ARG1}))\n",
            "extensions_custom.conf": "[lab-up]\n"
            "exten => s,1,UserEvent(Answered,Number: ${ARG1},Leg: ${CHANNEL})\n"
            " same => n,Return()\n",
        }
    )
    await lab.phones.call("1001", "05555").wait(State.UP)
    answered = await lab.user_event("Answered")
    assert answered["Number"] == "05555"
    assert answered["Leg"] == (await lab.trunk_leg("05555"))["DestChannel"]
    # 16 asks in the line that was replaced whether a mail is wanted, 17 does so later.
    if lab.freepbx.version == 17:
        assert (await lab.user_event("RouteMail"))["Number"] == "05555"


async def test_globals_of_the_site_come_last(lab: FreePbxLab) -> None:
    await lab.freepbx.install({"globals_custom.conf": "OUT_1_SUFFIX = @backup\n"})
    await lab.phones.call("1001", "555405").wait(State.UP)
    assert [call.me for call in lab.backup.incoming] == ["555405"]


async def test_busy_local_channel_in_the_hook_of_an_extension_leads_to_voicemail(
    lab: FreePbxLab,
) -> None:
    await lab.freepbx.install_custom(
        "[macro-dialout-one-predial-hook]\n"
        "exten => s,1,Set(DSTRING=Local/s@lab-busy/n)\n"
        f" same => n,{returns(lab)}\n"
        "[lab-busy]\nexten => s,1,Hangup(17)\n"
    )
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert lab.phones.incoming == []
    assert await lab.running("VoiceMail") == "1002@default,b"


async def test_site_can_add_an_ami_user(lab: FreePbxLab) -> None:
    await lab.freepbx.install(
        {
            "manager_custom.conf": "[rtbill]\nsecret = of-the-site-alone\n"
            "permit = 127.0.0.1/255.255.255.255\nread = call\nwrite = system\n"
        }
    )
    async with AmiProbe(lab.server.ports.ami, "of-the-site-alone", "rtbill") as ami:
        assert (await ami.action("Ping"))["Response"] == "Success"


async def test_files_of_the_site_stay_when_the_exchange_is_set_up_again(lab: FreePbxLab) -> None:
    await lab.freepbx.install_custom("[of-the-site]\nexten => s,1,NoOp()\n")
    lab.server.write_configuration()
    custom = lab.server.folder / "etc" / "extensions_custom.conf"
    assert custom.read_text().startswith("[of-the-site]")


async def test_dialplan_loads_without_a_complaint(lab: FreePbxLab) -> None:
    started = lab.server.log.partition("Asterisk Ready")[0]
    words = ("pbx_config.c", "extensions_additional", "ast_expr2", "nonexistent context")
    # FreePBX itself has `_.` in its trunk contexts, and includes contexts that a site may add.
    usual = ("use of '_.'", "-custom'")
    wrong = [
        line
        for line in started.splitlines()
        if ("WARNING" in line or "ERROR" in line)
        and any(word in line for word in words)
        and not any(word in line for word in usual)
    ]
    assert wrong == []
