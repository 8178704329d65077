# shellcheck shell=sh
# Written by claudecfg. Exports the secrets of this container, each in its
# variable, as they are at this moment. Shells read it; it must say nothing.
if [ -r /run/secrets/.variables ]; then
    while read -r _ctrkit_variable _ctrkit_name; do
        if [ -r "/run/secrets/$_ctrkit_name" ]; then
            _ctrkit_value=
            IFS= read -r _ctrkit_value <"/run/secrets/$_ctrkit_name" || true
            export "$_ctrkit_variable=$_ctrkit_value"
        fi
    done </run/secrets/.variables
    unset _ctrkit_variable _ctrkit_name _ctrkit_value
fi
