# Written by claudecfg. Exports the secrets of this container, each in its
# variable, as they are at this moment.
if test -r /run/secrets/.variables
    while read --local --delimiter ' ' variable name
        if test -r /run/secrets/$name
            read --local value </run/secrets/$name
            set --global --export $variable $value
        end
    end </run/secrets/.variables
end
