/** Task sequences written by hand, and the zip archives around them, for the tests of reading. */
import { crc32, deflateRawSync } from "node:zlib";

/** One step of a Configuration Manager sequence. */
export function commandStep(name: string, commandLine = "cmd.exe /c ver", attributes = ""): string {
  return `<step type="SMS_TaskSequence_RunCommandLineAction" name="${name}" description="" runIn="WinPEandFullOS" successCodeList="0 3010" retryCount="0" runFromNet="false" ${attributes}>
    <action>smsswd.exe /run: ${commandLine}</action>
    <defaultVarList>
      <variable name="CommandLine" property="CommandLine" hidden="true">${commandLine}</variable>
      <variable name="SuccessCodes" property="SuccessCodes" hidden="true">0 3010</variable>
    </defaultVarList>
  </step>`;
}

export function sequenceOf(contents: string, attributes = 'version="3.10"'): string {
  return `<sequence ${attributes}>\n${contents}\n</sequence>`;
}

/** Every construct of Configuration Manager's format that the reader has to know. */
export const managerSequence = `<sequence version="3.10">
  <referenceList>
    <reference package="ABC00001"/>
    <reference package="ABC00002" program="*"/>
  </referenceList>
  <globalVarList>
    <variable name="OSDAdapterCount" property="NumAdapters">0</variable>
  </globalVarList>
  <group name="Install" description="All of it" continueOnError="true">
    <condition>
      <operator type="and">
        <expression type="SMS_TaskSequence_VariableConditionExpression">
          <variable name="Operator">equals</variable>
          <variable name="Value">true</variable>
          <variable name="Variable">_SMSTSInWinPE</variable>
        </expression>
        <operator type="not">
          <expression type="SMS_TaskSequence_FolderConditionExpression">
            <variable name="DateTime">20240101000000.000000+***</variable>
            <variable name="DateTimeOperator">greater</variable>
            <variable name="Path">%_SMSTSMDataPath%\\Drivers</variable>
          </expression>
        </operator>
        <operator type="or">
          <expression type="SMS_TaskSequence_FileConditionExpression">
            <variable name="Path">c:\\a.exe</variable>
            <variable name="Version">1.2.3.4</variable>
            <variable name="VersionOperator">greaterEqual</variable>
          </expression>
          <expression type="SMS_TaskSequence_RegistryConditionExpression">
            <variable name="Data">1</variable>
            <variable name="KeyPath">HKEY_LOCAL_MACHINE\\SOFTWARE\\A</variable>
            <variable name="Operator">equals</variable>
            <variable name="Type">REG_DWORD</variable>
            <variable name="Value">B</variable>
          </expression>
          <expression type="SMS_TaskSequence_WMIConditionExpression">
            <variable name="Namespace">root\\cimv2</variable>
            <variable name="Query">SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%Latitude%'</variable>
          </expression>
          <expression type="SMS_TaskSequence_SoftwareConditionExpression">
            <variable name="Operator">AnyVersion</variable>
            <variable name="ProductCode">{00000000-0000-0000-0000-000000000001}</variable>
            <variable name="ProductName">A product</variable>
            <variable name="UpgradeCode">{00000000-0000-0000-0000-000000000002}</variable>
            <variable name="Version">1.0</variable>
          </expression>
        </operator>
        <osConditionGroup type="or">
          <osExpressionGroup type="and" Name="All Windows 10 (64-bit)">
            <expression type="SMS_TaskSequence_WMIConditionExpression">
              <variable name="Namespace">root\\cimv2</variable>
              <variable name="Query">SELECT * FROM Win32_OperatingSystem WHERE BuildNumber >= 10240</variable>
            </expression>
          </osExpressionGroup>
        </osConditionGroup>
      </operator>
    </condition>
    <step type="SMS_TaskSequence_PartitionDiskAction" name="Partition Disk 0" description="" runIn="WinPE" successCodeList="0" retryCount="0" runFromNet="false" timeout="900">
      <action>osddiskpart.exe</action>
      <defaultVarList>
        <variable name="OSDDiskIndex" property="DiskIndex">0</variable>
        <variable name="OSDPartitionStyle" property="PartitionStyle">GPT</variable>
        <variable name="OSDPartitions" property="Partitions" hidden="true">1</variable>
        <variable name="OSDPartitions0Type" property="Partitions0Type">PRIMARY</variable>
        <variable name="OSDPartitions0VolumeLetterVariable" property="Partitions0VolumeLetterVariable">OSDisk</variable>
      </defaultVarList>
    </step>
    <group name="Empty" description="" disable="true"/>
    <subtasksequence type="SMS_TaskSequence_SubTasksequence" name="Drivers" description="" retryCount="0" successCodeList="0" runFromNet="false">
      <action>SubTasksequence.exe</action>
      <defaultVarList>
        <variable name="OSDSubTasksequenceTsName" property="TsName">Drivers</variable>
        <variable name="OSDSubTasksequencePackageID" property="TsPackageID">ABC00009</variable>
      </defaultVarList>
    </subtasksequence>
    ${commandStep("Say so", "cmd.exe /c echo %OSDisk% &gt; x", 'continueOnError="true"')}
  </group>
</sequence>`;

/** Every construct that only MDT writes. */
export const toolkitSequence = `<?xml version="1.0"?>
<sequence version="3.00" name="Standard" description="A sequence">
  <globalVarList>
    <variable name="OSGUID" property="OSGUID">{00000000-0000-0000-0000-00000000000a}</variable>
  </globalVarList>
  <group expand="true" name="Initialization" description="" disable="false" continueOnError="false">
    <action />
    <condition></condition>
    <step type="BDD_Gather" name="Gather" description="" disable="false" continueOnError="false" runIn="WinPEandFullOS" successCodeList="0 3010">
      <defaultVarList>
        <variable name="GatherLocalOnly" property="GatherLocalOnly">true</variable>
        <variable name="RulesFile" property="RulesFile"></variable>
      </defaultVarList>
      <action>cscript.exe "%SCRIPTROOT%\\ZTIGather.wsf"</action>
    </step>
    <step name="Next Phase" disable="false" continueOnError="false" successCodeList="0 3010" description="" startIn="c:\\here">
      <action>cscript.exe "%SCRIPTROOT%\\ZTINextPhase.wsf"</action>
      <defaultVarList>
        <variable name="RunAsUser" property="RunAsUser">false</variable>
        <variable name="LoadProfile" property="LoadProfile">false</variable>
      </defaultVarList>
    </step>
  </group>
</sequence>`;

export function objectXml(
  sequence: string,
  facts: { packageId: string; name: string },
  inCdata = true,
): string {
  const text = inCdata
    ? `<![CDATA[${sequence}]]>`
    : sequence.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<?xml version="1.0" encoding="utf-16"?>
<INSTANCE CLASSNAME="SMS_TaskSequencePackage">
  <PROPERTY NAME="PackageID" TYPE="string"><VALUE><![CDATA[${facts.packageId}]]></VALUE></PROPERTY>
  <PROPERTY NAME="Name" TYPE="string"><VALUE><![CDATA[${facts.name}]]></VALUE></PROPERTY>
  <PROPERTY NAME="BootImageID" TYPE="string"><VALUE>ABC00005</VALUE></PROPERTY>
  <PROPERTY.ARRAY NAME="SupportedOperatingSystems" TYPE="string"><VALUE.ARRAY><VALUE>x</VALUE></VALUE.ARRAY></PROPERTY.ARRAY>
  <PROPERTY NAME="Sequence" TYPE="string">
    <VALUE>${text}</VALUE>
  </PROPERTY>
</INSTANCE>`;
}

export function utf16(text: string, order: "little" | "big" = "little", mark = true): Buffer {
  const bytes = Buffer.from(`${mark ? "\ufeff" : ""}${text}`, "utf16le");
  return order === "little" ? bytes : bytes.swap16();
}

export interface ZipEntry {
  name: string;
  content: Buffer | string;
  /** General purpose flags; bit 0 is encryption. */
  flags?: number;
  method?: 0 | 8 | 9;
  /** What the directory says it unpacks to, when that is not the truth. */
  claimedBytes?: number;
}

/** A zip archive, byte by byte, so that it can say what no tool would write. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { claimedBytes, content, flags = 0, method = 8, name } of entries) {
    const raw = typeof content === "string" ? Buffer.from(content) : content;
    const packed = method === 8 ? deflateRawSync(raw) : raw;
    const nameBytes = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(raw), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(claimedBytes ?? raw.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), common, nameBytes, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\u0001\u0002"), Buffer.from([20, 0]), common, tail, nameBytes);
    files.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, central, end]);
}

export function stepOf(type: string, attributes: string, variables = "", action = "x.exe"): string {
  return `<step type="SMS_TaskSequence_${type}" name="S" ${attributes}><action>${action}</action><defaultVarList>${variables}</defaultVarList></step>`;
}

export const variable = (name: string, property: string, value: string): string =>
  `<variable name="${name}" property="${property}">${value}</variable>`;

export function when(name: string, operator: string, value = ""): string {
  return `<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">${operator}</variable><variable name="Value">${value}</variable><variable name="Variable">${name}</variable></expression>`;
}

export const operator = (type: string, ...inner: string[]): string =>
  `<operator type="${type}">${inner.join("")}</operator>`;

export function wmi(query: string): string {
  return `<expression type="SMS_TaskSequence_WMIConditionExpression"><variable name="Namespace">root\\cimv2</variable><variable name="Query">${query}</variable></expression>`;
}
