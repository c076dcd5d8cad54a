#Requires -Version 5.1
#Requires -Modules ActiveDirectory

<#
.SYNOPSIS
Creates the account that the connector reads the directory with, and grants it what it needs and nothing else.

.DESCRIPTION
For Microsoft's Active Directory: run it as a member of Domain Admins on a domain controller, or where the ActiveDirectory and
GroupPolicy modules and dsacls are installed (RSAT). create-connector-account.sh does the same on Samba.

All of it is done on the domain controller that holds the PDC emulator role. A second run changes nothing and says so. An account that
exists keeps its password; one that is more than an ordinary user is refused.

.PARAMETER Name
The account's sAMAccountName, 1 to 20 characters.

.PARAMETER Container
Distinguished name of where to create it. Default: the domain's container for users.

.PARAMETER Password
The password of a new account. Asked for when it is missing.

.PARAMETER PasswordNeverExpires
For where nothing rotates the password.

.PARAMETER WithoutReplication
Does not grant, or takes away, Replicating Directory Changes: the connector's OBJECT_SECURITY mode.

.PARAMETER WithoutLogOnPolicy
Makes no group policy that denies interactive log-on.

.EXAMPLE
.\New-ConnectorAccount.ps1 -WhatIf

Says what would be done.

.EXAMPLE
.\New-ConnectorAccount.ps1 -Name svc-directory-watch -Container 'OU=Services,DC=corp,DC=example,DC=com'

Asks for a password and creates the account there.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  [ValidatePattern('^[^"/\\\[\]:;|=,+*?<>@\s]{1,20}$')]
  [string] $Name = 'svc-directory-watch',
  [string] $Container,
  [SecureString] $Password,
  [switch] $PasswordNeverExpires,
  [switch] $WithoutReplication,
  [switch] $WithoutLogOnPolicy
)

Set-StrictMode -Version 1.0
$ErrorActionPreference = 'Stop'

# Object below the domain, and the access control entry on it (SDDL; MS-DTYP section 2.5.1). The same pairs stand in
# connector_account.py; docs/connector-account.md says why each.
$Replication = @('', '(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{account})')
$DeletedObjects = @('CN=Deleted Objects', '(A;CI;LCRP;;;{account})')
$PasswordSettings = @('CN=Password Settings Container,CN=System', '(A;CI;LCRPLORC;;;{account})')
# Granted only where nobody may read it: AD copies each entry of this object to every protected account.
$AdminSdHolder = @('CN=AdminSDHolder,CN=System', '(A;;RC;;;{account})')
# On the account itself: every user may write its own address, telephone number and certificates.
$OwnObject = '(D;;WP;;;PS)'

$PolicyName = 'Active Directory Lambda: connector account'
# Security settings, edited as computer policy (MS-GPSB section 1.9).
$PolicyExtension = '[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]'
# A user right in a policy replaces the computer's own list. Windows denies Guest local log-on by default; naming the built-in group of
# guests keeps that.
$Denied = [ordered] @{
  SeDenyInteractiveLogonRight       = @('{account}', 'S-1-5-32-546')
  SeDenyRemoteInteractiveLogonRight = @('{account}')
}

$Domain = Get-ADDomain
$Server = $Domain.PDCEmulator
$script:Changes = 0

# Runs the step unless -WhatIf or -Confirm say no, and tells what was done.
function Invoke-Step([string] $Target, [string] $Action, [scriptblock] $Step) {
  if (-not $PSCmdlet.ShouldProcess($Target, $Action)) { return }
  & $Step | Out-Null
  $script:Changes++
  Write-Output "${Action}: $Target"
}

function Resolve-Entry([string] $Entry) { return $Entry.Replace('{account}', $Sid) }

function ConvertFrom-Entry([string] $Entry) {
  $security = New-Object System.DirectoryServices.ActiveDirectorySecurity
  $security.SetSecurityDescriptorSddlForm("D:$Entry", [System.Security.AccessControl.AccessControlSections]::Access)
  return $security.GetAccessRules($true, $false, [System.Security.Principal.SecurityIdentifier])[0]
}

# Whether the rule, with all of its rights, is among the object's own rules.
function Test-Rule($Security, $Rule) {
  foreach ($present in $Security.GetAccessRules($true, $false, [System.Security.Principal.SecurityIdentifier])) {
    if ($present.IdentityReference -eq $Rule.IdentityReference -and $present.AccessControlType -eq $Rule.AccessControlType -and
      $present.ObjectType -eq $Rule.ObjectType -and $present.InheritanceType -eq $Rule.InheritanceType -and
      ($present.ActiveDirectoryRights -band $Rule.ActiveDirectoryRights) -eq $Rule.ActiveDirectoryRights) { return $true }
  }
  return $false
}

# The object with its access rules alone: owner, group and audit rules are neither read nor written.
function Get-Object([string] $Dn) {
  $object = New-Object System.DirectoryServices.DirectoryEntry "LDAP://$Server/$($Dn.Replace('/', '\/'))"
  $object.psbase.Options.SecurityMasks = [System.DirectoryServices.SecurityMasks]::Dacl
  return $object
}

function Add-Entry([string] $Dn, [string] $Entry) {
  $object = Get-Object $Dn
  $rule = ConvertFrom-Entry $Entry
  if (Test-Rule $object.psbase.ObjectSecurity $rule) { return }
  Invoke-Step $Dn "granted $Entry" {
    $object.psbase.ObjectSecurity.AddAccessRule($rule)
    $object.psbase.CommitChanges()
  }
}

function Remove-Entry([string] $Dn, [string] $Entry) {
  $object = Get-Object $Dn
  $rule = ConvertFrom-Entry $Entry
  if (-not (Test-Rule $object.psbase.ObjectSecurity $rule)) { return }
  Invoke-Step $Dn "took away $Entry" {
    $object.psbase.ObjectSecurity.RemoveAccessRuleSpecific($rule)
    $object.psbase.CommitChanges()
  }
}

# Whether somebody who stands for the account may read the object's descriptor.
function Test-Readable([string] $Dn) {
  $readers = 'S-1-5-11', 'S-1-1-0', $Sid
  $rules = (Get-Object $Dn).psbase.ObjectSecurity.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])
  return [bool] ($rules | Where-Object {
      $_.AccessControlType -eq 'Allow' -and $readers -contains $_.IdentityReference.Value -and
      $_.ActiveDirectoryRights -band [System.DirectoryServices.ActiveDirectoryRights]::ReadControl
    })
}

# ADSI does not bind to this object, and administrators may not read its rights before they own it (Microsoft support article 892806).
function Add-DeletedObjectsEntry([string] $Dn, [string] $Entry) {
  $object = Get-ADObject -Identity $Domain.DeletedObjectsContainer -IncludeDeletedObjects -Properties nTSecurityDescriptor -Server $Server
  $security = $object.nTSecurityDescriptor
  if ($security -and (Test-Rule $security (ConvertFrom-Entry $Entry))) { return }
  Invoke-Step $Dn "granted $Entry" {
    foreach ($change in @(@('/takeownership'), @('/I:T', '/G', "$($Domain.NetBIOSName)\${Name}:LCRP"))) {
      $output = & dsacls.exe "\\$Server\$Dn" @change
      if ($LASTEXITCODE -ne 0) { throw "dsacls $change on $Dn failed: $($output -join ' ')" }
    }
  }
}

function Get-Account {
  $properties = 'userAccountControl', 'primaryGroupID', 'memberOf', 'adminCount', 'servicePrincipalName'
  return Get-ADUser -Filter "sAMAccountName -eq '$($Name.Replace("'", "''"))'" -Properties $properties -Server $Server
}

# An account that is more than an ordinary user is somebody's: it is not made the connector's.
function Assert-Ordinary($Account) {
  $reasons = @(
    if ($Account.adminCount) { 'is protected as an administrator (adminCount)' }
    if ($Account.memberOf.Count) { 'is a member of groups' }
    if ($Account.primaryGroupID -ne 513) { 'has another primary group than Domain Users' }
    if ($Account.servicePrincipalName.Count) { 'has a servicePrincipalName' }
  )
  if ($reasons) { throw "$($Account.DistinguishedName) $($reasons[0]); choose another -Name, or change that" }
}

function New-Account {
  $path = if ($Container) { $Container } else { $Domain.UsersContainer }
  Invoke-Step "CN=$Name,$path" 'created' {
    $secret = if ($Password) { $Password } else { Read-Host -AsSecureString -Prompt "Password for $Name" }
    New-ADUser -Name $Name -SamAccountName $Name -UserPrincipalName "$Name@$($Domain.DNSRoot)" -Path $path -AccountPassword $secret `
      -Description 'Reads directory changes for Active Directory Lambda' -AccountNotDelegated $true -Enabled $true `
      -PasswordNeverExpires ([bool] $PasswordNeverExpires) -Server $Server
  }
}

function Set-Flags($Account) {
  # NOT_DELEGATED, DONT_EXPIRE_PASSWD (MS-ADTS section 2.2.16)
  $wanted = $Account.userAccountControl -bor 0x100000
  if ($PasswordNeverExpires) { $wanted = $wanted -bor 0x10000 }
  if ($wanted -eq $Account.userAccountControl) { return }
  Invoke-Step $Account.DistinguishedName 'set the flags (the password is left as it is)' {
    Set-ADObject -Identity $Account.DistinguishedName -Replace @{ userAccountControl = $wanted } -Server $Server
  }
}

# The security template with the account in both lists, other entries as they were (MS-GPSB section 2.2.6).
function Add-Denial([string] $Text) {
  if (-not $Text) { $Text = "[Unicode]`r`nUnicode=yes`r`n[Version]`r`nsignature=`"`$CHICAGO`$`"`r`nRevision=1`r`n[Privilege Rights]`r`n" }
  if (-not $Text.Contains('[Privilege Rights]')) { $Text = $Text.TrimEnd() + "`r`n[Privilege Rights]`r`n" }
  foreach ($right in $Denied.Keys) {
    $line = [regex]::Match($Text, "(?m)^$right\s*=[ \t]*([^\r\n]*)")
    $listed = @($line.Groups[1].Value.Split(',') | ForEach-Object { $_.Trim() } | Where-Object { $_ })
    $trustees = $Denied[$right] | ForEach-Object { '*' + $_.Replace('{account}', $Sid) }
    $listed += @($trustees | Where-Object { $listed -notcontains $_ })
    $wanted = "$right = $($listed -join ',')"
    if ($line.Success) { $Text = $Text.Remove($line.Index, $line.Length).Insert($line.Index, $wanted) }
    else { $Text = $Text.Replace("[Privilege Rights]`r`n", "[Privilege Rights]`r`n$wanted`r`n") }
  }
  return $Text
}

function Set-LogOnPolicy {
  Import-Module GroupPolicy
  $here = @{ Domain = $Domain.DNSRoot; Server = $Server }
  $policy = Get-GPO -All @here | Where-Object DisplayName -EQ $PolicyName
  if (-not $policy) {
    Invoke-Step $PolicyName 'created the policy' { New-GPO -Name $PolicyName @here }
    $policy = Get-GPO -All @here | Where-Object DisplayName -EQ $PolicyName
    if (-not $policy) { return }
  }
  $policies = "\\$Server\SYSVOL\$($Domain.DNSRoot)\Policies"
  $folder = "$policies\{$($policy.Id)}"
  $part = 'Machine\Microsoft\Windows NT\SecEdit'
  $text = if (Test-Path -LiteralPath "$folder\$part\GptTmpl.inf") { Get-Content -LiteralPath "$folder\$part\GptTmpl.inf" -Raw }
  $wanted = Add-Denial $text
  if ($text -cne $wanted) {
    Invoke-Step $folder "denied $Sid interactive log-on" {
      New-Item -ItemType Directory -Force -Path "$folder\$part"
      [System.IO.File]::WriteAllText("$folder\$part\GptTmpl.inf", $wanted, [System.Text.Encoding]::Unicode)
      # The lower 16 bits count changes for computers (MS-GPOL section 2.2.4); clients compare it with GPT.INI's.
      $stored = Get-ADObject -Identity $policy.Path -Properties versionNumber, gPCMachineExtensionNames -Server $Server
      $version = 1 + $stored.versionNumber
      $names = if ($stored.gPCMachineExtensionNames) { $stored.gPCMachineExtensionNames } else { $PolicyExtension }
      [System.IO.File]::WriteAllText("$folder\GPT.INI", "[General]`r`nVersion=$version`r`n", [System.Text.Encoding]::ASCII)
      Set-ADObject -Identity $policy.Path -Replace @{ gPCMachineExtensionNames = $names; versionNumber = $version } -Server $Server
    }
  }
  $links = @((Get-GPInheritance -Target $Domain.DistinguishedName @here).GpoLinks)
  if ($links.GpoId -notcontains $policy.Id) {
    # The last in order has the lowest precedence: any other policy wins.
    Invoke-Step $Domain.DistinguishedName "linked the policy `"$PolicyName`", with the lowest precedence" {
      New-GPLink -Guid $policy.Id -Target $Domain.DistinguishedName -LinkEnabled Yes -Order ($links.Count + 1) @here
    }
  }
  foreach ($other in Get-ChildItem -LiteralPath $policies -Directory | Where-Object Name -NE "{$($policy.Id)}") {
    $file = "$($other.FullName)\$part\GptTmpl.inf"
    if ((Test-Path -LiteralPath $file) -and (Select-String -LiteralPath $file -SimpleMatch -Quiet -Pattern @($Denied.Keys))) {
      Write-Warning "policy $($other.Name) sets the same user rights and wins where it applies; add *$Sid to its lists"
    }
  }
}

$account = Get-Account
if ($account) {
  Assert-Ordinary $account
  Set-Flags $account
} else {
  New-Account
  $account = Get-Account
}
# With -WhatIf there may be no account yet: "nobody" stands for it.
$Sid = if ($account) { $account.SID.Value } else { 'S-1-0-0' }

$base = $Domain.DistinguishedName
Add-DeletedObjectsEntry "$($DeletedObjects[0]),$base" (Resolve-Entry $DeletedObjects[1])
Add-Entry "$($PasswordSettings[0]),$base" (Resolve-Entry $PasswordSettings[1])
if ($WithoutReplication) { Remove-Entry $base (Resolve-Entry $Replication[1]) } else { Add-Entry $base (Resolve-Entry $Replication[1]) }
if (-not (Test-Readable "$($AdminSdHolder[0]),$base")) { Add-Entry "$($AdminSdHolder[0]),$base" (Resolve-Entry $AdminSdHolder[1]) }
if ($account) { Add-Entry $account.DistinguishedName $OwnObject }
if (-not $WithoutLogOnPolicy) { Set-LogOnPolicy }
if ($script:Changes -eq 0 -and -not $WhatIfPreference) { Write-Output "no change: $Name is set up" }
