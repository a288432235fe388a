@echo off
rem Operates the release {{name}}: bin\{{name}} COMMAND [ARGS]. Made by scripts/build-release from launcher.bat.
setlocal enabledelayedexpansion

pushd "%~dp0.."
set "RELEASE_ROOT=%CD%"
popd
if not defined RELEASE_PROG set "RELEASE_PROG=%~n0"
if not defined RELEASE_NAME set "RELEASE_NAME={{name}}"
for /f "usebackq tokens=1,2" %%a in ("%RELEASE_ROOT%\releases\start.data") do (
  set "NODE_VERSION=%%a"
  if not defined RELEASE_VSN set "RELEASE_VSN=%%b"
)
if not defined RELEASE_VSN (
  echo %RELEASE_PROG%: %RELEASE_ROOT%\releases\start.data is missing: the folder is not a whole release 1>&2
  exit /b 1
)
set "RELEASE_COMMAND=%~1"

if "%RELEASE_COMMAND%" == "version" (
  echo %RELEASE_NAME% %RELEASE_VSN%
  exit /b 0
)
set "KNOWN="
for %%c in (start start_console daemon daemon_console stop restart reload pid remote rpc eval command shards check-config install) do (
  if "%RELEASE_COMMAND%" == "%%c" set "KNOWN=yes"
)
if not defined KNOWN (
  echo Usage: %RELEASE_PROG% COMMAND [ARGS] 1>&2
  echo The commands are: start, start_console, daemon, daemon_console, stop, restart, reload, pid, version, remote, 1>&2
  echo rpc "EXPRESSION", eval "EXPRESSION", command ARG..., shards, check-config, install 1>&2
  exit /b 1
)

set "VERSION_DIR=%RELEASE_ROOT%\releases\%RELEASE_VSN%"
if not defined RELEASE_COOKIE set /p RELEASE_COOKIE=<"%RELEASE_ROOT%\releases\COOKIE"
if not defined RELEASE_NODE set "RELEASE_NODE=%RELEASE_NAME%"
if not defined RELEASE_TMP set "RELEASE_TMP=%RELEASE_ROOT%\tmp"
if not defined RELEASE_CONFIG set "RELEASE_CONFIG=%VERSION_DIR%\runtime.js"
if not defined RELEASE_NODE_ARGS set "RELEASE_NODE_ARGS=%VERSION_DIR%\node.args"
set "RELEASE_LISTENERS={{listeners}}"
if exist "%VERSION_DIR%\env.bat" call "%VERSION_DIR%\env.bat"

set "RUNTIME=%RELEASE_ROOT%\node-%NODE_VERSION%\node.exe"
if not exist "%RUNTIME%" set "RUNTIME=node"

rem Flags are for the node itself, not for what only talks to it.
set "FLAGS="
for %%c in (start start_console daemon daemon_console eval) do if "%RELEASE_COMMAND%" == "%%c" (
  for /f "usebackq eol=# tokens=1 delims=#" %%l in ("!RELEASE_NODE_ARGS!") do set "FLAGS=!FLAGS! %%l"
)

"%RUNTIME%" %FLAGS% "%VERSION_DIR%\lib\pigeonhole.js" %*
exit /b %ERRORLEVEL%
