#!/bin/sh
# Install the packages of debian.txt that are missing; their services are for the tests to start.
set -eu
here=$(dirname "$0")
missing=$(while read -r package; do
  dpkg -s "$package" >/dev/null 2>&1 || echo "$package"
done <"$here/debian.txt")
[ -n "$missing" ] || exit 0
[ -e /usr/sbin/policy-rc.d ] || {
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $missing >/dev/null
