<#
.SYNOPSIS
Registers a daily task in Windows' Task Scheduler that makes a backup of a farm, which runs in WSL 2.
.EXAMPLE
.\register-backup-task.ps1 -Distribution Debian -User cdb -Folder /opt/claire -At 03:30
.NOTES
The folder is that of the farm, where its .env is. To remove the task: Unregister-ScheduledTask -TaskName "cdb backup"
How it went last: Get-ScheduledTaskInfo -TaskName "cdb backup" (LastTaskResult 0 is done, anything else is not).
#>
param(
    [string]$Distribution = "Debian",
    [string]$User = "cdb",
    [string]$Folder = "/opt/claire",
    [string]$At = "03:30"
)
$ErrorActionPreference = "Stop"

$arguments = "--distribution $Distribution --user $User --cd `"$Folder`" -- .venv/bin/cdb backup --nice --limit 6h"
$action = New-ScheduledTaskAction -Execute "wsl.exe" -Argument $arguments
$trigger = New-ScheduledTaskTrigger -Daily -At $At
$settings = New-ScheduledTaskSettingsSet `
    -StartWhenAvailable `
    -MultipleInstances IgnoreNew `
    -AllowStartIfOnBatteries `
    -DontStopIfGoingOnBatteries `
    -ExecutionTimeLimit (New-TimeSpan -Hours 7)
# As this user, whether logged in or not, without a stored password: distributions of WSL belong to a user.
$principal = New-ScheduledTaskPrincipal -UserId "$env:USERDOMAIN\$env:USERNAME" -LogonType S4U

Register-ScheduledTask -TaskName "cdb backup" -Action $action -Trigger $trigger -Settings $settings `
    -Principal $principal -Description "Each day a backup of the farm's books" -Force | Out-Null
Write-Output "Registered: each day at $At. To try it now: Start-ScheduledTask -TaskName 'cdb backup'"
