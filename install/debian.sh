#!/bin/sh
# Installs rtbill as a systemd service on Debian or Ubuntu, or brings an installed one up to date:
#
#   sudo sh install/debian.sh              from a checkout or an unpacked release
#   sudo sh install/debian.sh --uninstall  takes program and unit away, keeps books and configuration
#
# With --root DIR everything goes below DIR, without users, owners and systemd: for a look at it.
# It may be run again at any time. It never starts or restarts the service, and never touches an
# existing configuration. Python packages come from where this machine's pip gets them, each checked
# against requirements.lock.
set -eu
umask 022

usage() {
    echo "usage: sh install/debian.sh [--uninstall] [--root DIR]" >&2
    exit 2
}

fail() {
    echo "rtbill: $*" >&2
    exit 1
}

say() {
    echo "rtbill: $*"
}

action=install
root=
while [ $# -gt 0 ]; do
    case $1 in
        --uninstall) action=uninstall ;;
        --root)
            if [ $# -lt 2 ] || [ -z "$2" ]; then usage; fi
            mkdir -p "$2"
            root=$(cd "$2" && pwd)
            shift
            ;;
        *) usage ;;
    esac
    shift
done

user=rtbill
source=$(cd "$(dirname "$0")/.." && pwd)
program=$root/opt/rtbill
settings=$root/etc/rtbill
books=$root/var/lib/rtbill
unit=$root/etc/systemd/system/rtbill.service
command=$root/usr/local/bin/rtbill

# Whether this is the machine itself and not a folder to look at.
is_real() { [ -z "$root" ]; }

has_systemd() { is_real && [ -d /run/systemd/system ]; }

# folder MODE OWNER:GROUP PATH: made if missing, mode and owner as said in any case.
folder() {
    mkdir -p "$3"
    chmod "$1" "$3"
    if is_real; then chown "$2" "$3"; fi
}

# file MODE OWNER:GROUP SOURCE TARGET: complete at once or not at all.
file() {
    mkdir -p "$(dirname "$4")"
    cp "$3" "$4.new"
    chmod "$1" "$4.new"
    if is_real; then chown "$2" "$4.new"; fi
    mv -f "$4.new" "$4"
}

# The first Python that is new enough and can make a virtual environment.
find_python() {
    for each in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            command -v "$each"
            return
        fi
    done
    found=$(python3 -c 'import platform; print("Python", platform.python_version())' 2>/dev/null) \
        || found="no Python"
    fail "needs Python 3.11 or newer with its venv module; here is $found. Do" \
        "'apt-get install python3 python3-venv', or on Ubuntu 22.04" \
        "'apt-get install python3.11 python3.11-venv', and run this again"
}

check_source() {
    for each in pyproject.toml requirements.lock rtbill/__init__.py install/config.toml \
        systemd/rtbill.service; do
        [ -f "$source/$each" ] || fail "$source/$each is missing: run this from a whole release"
    done
}

make_user() {
    if is_real && ! id "$user" >/dev/null 2>&1; then
        useradd --system --user-group --no-create-home --home-dir "$books" \
            --shell /usr/sbin/nologin "$user"
        say "made the system user $user"
    fi
}

pip() {
    "$environment/bin/python" -m pip --disable-pip-version-check --no-input install --quiet "$@"
}

# Whether a process runs from this environment: its command line or a library that it has open is
# there. grep is given the path by standard input, because it would find its own command line.
is_in_use() {
    real=$(cd "$1" 2>/dev/null && pwd -P) || return 1
    for process in /proc/[0-9]*; do
        if printf '%s/\n' "$1" "$real" | grep -qsFf - "$process/cmdline" "$process/maps"; then
            return 0
        fi
    done
    return 1
}

# Each run makes a virtual environment of its own, and .venv comes to name it when it is complete: a
# failure leaves the installed program as it was, and the running service keeps its files.
install_program() {
    folder 0755 root:root "$program"
    environment=$program/venv-$(date +%Y%m%d-%H%M%S)-$$
    trap 'rm -rf "$environment"' EXIT
    trap 'exit 1' HUP INT TERM
    say "installing into $environment"
    "$python" -m venv "$environment"
    pip --require-hashes -r "$source/requirements.lock"
    pip --no-deps --no-build-isolation "$source"
    version=$("$environment/bin/rtbill" --version)
    if is_real; then
        (cd / && runuser -u "$user" -- "$environment/bin/rtbill" --version >/dev/null) \
            || fail "user $user cannot run $python: install Debian's own python3"
    fi
    trap - EXIT HUP INT TERM
    before=$(readlink "$program/.venv" || true)
    if [ -e "$program/.venv" ] && [ ! -L "$program/.venv" ]; then
        before=venv-of-hand-$$
        mv "$program/.venv" "$program/$before"
    fi
    ln -sfn "$(basename "$environment")" "$program/.venv.new"
    mv -fT "$program/.venv.new" "$program/.venv"
    for each in "$program"/venv-*; do
        case $(basename "$each") in
            "$(basename "$environment")" | "$before") ;;
            *)
                if is_in_use "$each"; then
                    say "kept $each, from which a process still runs"
                else
                    rm -rf "$each"
                fi
                ;;
        esac
    done
    for each in docs examples; do
        rm -rf "${program:?}/$each"
        cp -R "$source/$each" "$program/$each"
    done
    cp "$source/install/config.toml" "$program/examples/config.toml"
    chmod -R u=rwX,go=rX "$program/docs" "$program/examples"
    say "installed $version"
}

install_settings() {
    folder 0750 "root:$user" "$settings"
    folder 0750 "root:$user" "$settings/secrets"
    folder 0700 "$user:$user" "$books"
    if [ -e "$settings/config.toml" ]; then
        say "kept $settings/config.toml; $program/examples/config.toml shows what is new"
    else
        file 0640 "root:$user" "$source/install/config.toml" "$settings/config.toml"
        say "wrote $settings/config.toml"
    fi
}

# The command line runs as the user that owns the books: a file that root made there would stop the
# service.
install_command() {
    draft=$(mktemp)
    {
        echo '#!/bin/sh'
        echo '# rtbill on the installed configuration, as the user that owns the books.'
        echo "RTBILL_CONFIG=\${RTBILL_CONFIG:-$settings/config.toml}"
        echo 'export RTBILL_CONFIG'
        if is_real; then
            echo "[ \"\$(id -un)\" = $user ] || [ \"\$(id -u)\" = 0 ] || {"
            echo "    echo 'rtbill: run it as root or as user $user: sudo rtbill ...' >&2"
            echo '    exit 1'
            echo '}'
            echo "[ \"\$(id -u)\" != 0 ] || exec runuser -u $user -- $program/.venv/bin/rtbill \"\$@\""
        fi
        echo "exec $program/.venv/bin/rtbill \"\$@\""
    } >"$draft"
    file 0755 root:root "$draft" "$command"
    rm -f "$draft"
}

install_unit() {
    file 0644 root:root "$source/systemd/rtbill.service" "$unit"
    if has_systemd; then systemctl daemon-reload; fi
}

tell_next() {
    if has_systemd && systemctl --quiet is-active rtbill; then
        cat <<END

The service still runs the program from before. When it suits:
  sudo systemctl stop rtbill
  sudo rtbill migrate
  sudo systemctl start rtbill
END
    else
        cat <<END

Next:
  sudo install -o $user -g $user -m 0400 /dev/stdin $settings/secrets/pbx-main   # AMI secret, Ctrl-D
  sudoedit $settings/config.toml && sudo rtbill check-config && sudo rtbill migrate
  sudo systemctl enable --now rtbill
END
    fi
}

uninstall() {
    if has_systemd && [ -e "$unit" ]; then systemctl --quiet disable --now rtbill; fi
    rm -f "$unit" "$command"
    if has_systemd; then systemctl daemon-reload; fi
    rm -rf "$program/.venv" "$program"/venv-* "$program/docs" "$program/examples"
    if [ -d "$program" ]; then
        rmdir "$program" 2>/dev/null || say "left $program: it holds something else"
    fi
    say "took away the program, its command and its unit"
    say "kept the books in $books, the configuration in $settings and the user $user"
    say "the locks it set stay in the exchange: asterisk -rx 'database deltree rtbill' opens them"
}

if is_real && [ "$(id -u)" != 0 ]; then
    fail "run it as root: sudo sh $0"
fi
if [ "$action" = uninstall ]; then
    uninstall
    exit
fi
check_source
python=$(find_python)
make_user
install_program
install_settings
install_command
install_unit
tell_next
