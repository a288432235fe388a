@echo off
rem Read by bin\{{name}}.bat of {{name}} {{version}} before every command but `version`. What is set here holds for this
rem release; take the `rem` from a line to use it. The variables are those that env.sh explains.

rem A node that is called after its machine:
rem set "RELEASE_NODE=%COMPUTERNAME%"

rem A folder that can be written where the release's own cannot:
rem set "RELEASE_TMP=%ProgramData%\{{name}}"

rem A folder for the data where the release's own cannot be written:
rem set "PIGEONHOLE_DIR=%ProgramData%\{{name}}\data"

rem Restart the node when it dies or hangs, with `daemon`:
rem if "%RELEASE_COMMAND%" == "daemon" set "HEART=true"

rem Settings, each as PIGEONHOLE_ and its name; they override runtime.js:
rem set "PIGEONHOLE_ENV=stage"
rem set "PIGEONHOLE_PORT=7000"
