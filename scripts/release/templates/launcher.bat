@echo off
rem Operates the release {{name}}: bin\{{name}} COMMAND [ARGS]. Made by scripts/build-release from launcher.bat.
rem It finds the folder it is in, sets the RELEASE_* variables, lets env.bat change them, and has the program in the
rem folder do the rest. Delayed expansion stays off: it would take the ! out of expressions and of paths.
setlocal disabledelayedexpansion

for %%d in ("%~dp0..") do set "RELEASE_ROOT=%%~fd"
set "RELEASE_PROG=%~n0"

rem ---- which version, and what it says of itself

set "_data=%RELEASE_ROOT%\releases\start.data"
set "_why=%_data% is missing: the folder is not a whole release, copy or build it again"
if not exist "%_data%" goto fail
set "_node_version="
set "_built_version="
for /f "usebackq tokens=1,2" %%a in ("%_data%") do (
  set "_node_version=%%a"
  set "_built_version=%%b"
)
if not defined RELEASE_NAME set "RELEASE_NAME={{name}}"
if not defined RELEASE_VSN set "RELEASE_VSN=%_built_version%"
set "RELEASE_COMMAND=%~1"

if not defined RELEASE_COMMAND goto no_command
for %%c in (help --help -h) do if "%RELEASE_COMMAND%" == "%%c" goto help
if "%RELEASE_COMMAND%" == "version" goto version
for %%c in ({{verbs}}) do if "%RELEASE_COMMAND%" == "%%c" goto known
call :list 1>&2
echo. 1>&2
set "_why=unknown command '%RELEASE_COMMAND%'"
goto fail

:no_command
call :list 1>&2
exit /b 1

:help
call :list
exit /b 0

:version
echo %RELEASE_NAME% %RELEASE_VSN%
exit /b 0

:fail
rem The text may hold what cmd.exe would take for more commands; a loop variable is never looked into.
for /f "delims=" %%m in ("%_why%") do echo %RELEASE_PROG%: %%m 1>&2
exit /b 1

:list
{{list}}
exit /b 0

:known
set "_version_dir=%RELEASE_ROOT%\releases\%RELEASE_VSN%"
set "_why=there is no version %RELEASE_VSN% in %RELEASE_ROOT%\releases: set RELEASE_VSN to one that is there"
if not exist "%_version_dir%\" goto fail

rem ---- the cookie

if defined RELEASE_COOKIE goto has_cookie
set "_cookie=%RELEASE_ROOT%\releases\COOKIE"
set "_why=%_cookie% is missing: put the cluster's cookie there, or set RELEASE_COOKIE"
if not exist "%_cookie%" goto fail
for /f "usebackq delims=" %%l in ("%_cookie%") do if not defined RELEASE_COOKIE set "RELEASE_COOKIE=%%l"
set "_why=%_cookie% is empty: put the cluster's cookie there"
if not defined RELEASE_COOKIE goto fail
:has_cookie

rem ---- what env.bat may change

if not defined RELEASE_NODE set "RELEASE_NODE=%RELEASE_NAME%"
if not defined RELEASE_TMP set "RELEASE_TMP=%RELEASE_ROOT%\tmp"
if not defined RELEASE_CONFIG set "RELEASE_CONFIG=%_version_dir%\runtime.js"
if not defined RELEASE_NODE_ARGS set "RELEASE_NODE_ARGS=%_version_dir%\node.args"
set "RELEASE_LISTENERS={{listeners}}"
if exist "%_version_dir%\env.bat" call "%_version_dir%\env.bat"

rem ---- the program

set "_runtime=%RELEASE_ROOT%\node-%_node_version%\node.exe"
if not exist "%_runtime%" set "_runtime=node"

rem Flags are for the node itself, not for what only talks to it or starts it in the background.
set "RELEASE_NODE_FLAGS="
if not exist "%RELEASE_NODE_ARGS%" goto run
for /f "usebackq eol=# delims=" %%l in ("%RELEASE_NODE_ARGS%") do (
  set "_line=%%l"
  call :add_line
)
goto run

:add_line
rem Lines that begin with a # have been left out; this leaves out what stands behind a # further on.
for /f "delims=#" %%l in ("%_line%") do set "RELEASE_NODE_FLAGS=%RELEASE_NODE_FLAGS% %%l"
exit /b 0

:run
if not defined RELEASE_NODE_FLAGS set "RELEASE_NODE_FLAGS= "
set "_flags="
for %%c in (start start_console eval) do if "%RELEASE_COMMAND%" == "%%c" set "_flags=%RELEASE_NODE_FLAGS%"
"%_runtime%" %_flags% "%_version_dir%\lib\pigeonhole.js" %*
exit /b %ERRORLEVEL%
