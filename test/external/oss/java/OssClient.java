import com.aliyun.oss.ClientBuilderConfiguration;
import com.aliyun.oss.ClientConfiguration;
import com.aliyun.oss.HttpMethod;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClient;
import com.aliyun.oss.OSSClientBuilder;
import com.aliyun.oss.OSSException;
import com.aliyun.oss.common.auth.CredentialsProvider;
import com.aliyun.oss.common.auth.DefaultCredentialProvider;
import com.aliyun.oss.common.comm.SignVersion;
import com.aliyun.oss.model.*;
import com.google.gson.GsonBuilder;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Alibaba's first Java SDK, driven as its documentation samples do. Prints what it saw, one JSON line a step. */
public final class OssClient {
  record Keys(String id, String secret, String token) {}

  record Run(
      String name,
      String signature,
      String addressing,
      String endpoint,
      String bucket,
      String missing,
      String prefix,
      String etag,
      List<String> keys,
      Keys credentials,
      Keys sts,
      Keys denied) {}

  record Spec(String big, String uploader, int part, String key, boolean late, List<Run> runs) {}

  interface Step {
    Map<String, Object> play() throws Exception;
  }

  interface Call {
    void run() throws Exception;
  }

  private static final com.google.gson.Gson JSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

  public static void main(String[] arguments) throws Exception {
    Spec spec = JSON.fromJson(Files.readString(Path.of(arguments[0])), Spec.class);
    for (Run run : spec.runs()) {
      OssClient client = new OssClient(spec, run);
      if (spec.late()) client.playLate();
      else client.play();
    }
    System.exit(0);
  }

  private final Spec spec;
  private final Run run;
  private final OSS oss;
  private final byte[] big;

  private OssClient(Spec spec, Run run) throws Exception {
    this.spec = spec;
    this.run = run;
    this.oss = client(run.credentials());
    this.big = spec.late() ? new byte[0] : Files.readAllBytes(Path.of(spec.big()));
  }

  private void play() {
    step("create", this::create);
    step("put", this::put);
    step("stream", this::stream);
    step("managed", this::managed);
    step("kms", this::kms);
    step("kmsDefault", this::kmsDefault);
    step("badAlgorithm", () -> attempt(() -> write("bad", "", "AES257", null)));
    step("multipart", this::multipart);
    step("partCopy", this::partCopy);
    if (run.addressing().equals("path")) step("uploader", this::uploader);
    step("append", this::append);
    step("copy", this::copy);
    step("list", this::list);
    step("deleteMany", this::deleteMany);
    step("encryption", this::encryption);
    step("presigned", this::presigned);
    step("token", this::token);
    step("errors", this::errors);
    oss.shutdown();
  }

  /** Calls that the store fails after a long while: each must throw. */
  private void playLate() {
    step("copy", () -> attempt(() -> oss.copyObject(run.bucket(), "source", run.bucket(), at("target"))));
    step("partCopy", () -> {
      UploadPartCopyRequest part = new UploadPartCopyRequest(run.bucket(), "source", run.bucket(), at("parts"));
      part.setUploadId(begin());
      part.setPartNumber(1);
      part.setBeginIndex(0L);
      part.setPartSize(1L);
      return attempt(() -> oss.uploadPartCopy(part));
    });
    step("complete", () -> {
      List<PartETag> parts = List.of(new PartETag(1, run.etag()));
      CompleteMultipartUploadRequest request =
          new CompleteMultipartUploadRequest(run.bucket(), at("parts"), begin(), new ArrayList<>(parts));
      return attempt(() -> oss.completeMultipartUpload(request));
    });
    oss.shutdown();
  }

  private String begin() {
    return oss.initiateMultipartUpload(new InitiateMultipartUploadRequest(run.bucket(), at("parts"))).getUploadId();
  }

  private void step(String name, Step step) {
    Map<String, Object> seen;
    try {
      seen = step.play();
    } catch (Exception error) {
      seen = seen("failure", failure(error));
    }
    System.out.println(JSON.toJson(seen("run", run.name(), "step", name, "seen", seen)));
  }

  /** CNAME is what the class itself does with any host that is not Alibaba's; the builder's configuration is virtual-hosted. */
  private OSS client(Keys keys) {
    CredentialsProvider provider =
        keys.token() == null
            ? new DefaultCredentialProvider(keys.id(), keys.secret())
            : new DefaultCredentialProvider(keys.id(), keys.secret(), keys.token());
    SignVersion version = run.signature().equals("v4") ? SignVersion.V4 : SignVersion.V1;
    if (run.addressing().equals("cname")) {
      ClientConfiguration configuration = new ClientConfiguration();
      configuration.setSignatureVersion(version);
      configuration.setMaxErrorRetry(0);
      OSSClient client = new OSSClient(run.endpoint(), provider, configuration);
      client.setRegion("cn-hangzhou");
      return client;
    }
    ClientBuilderConfiguration configuration = new ClientBuilderConfiguration();
    configuration.setSignatureVersion(version);
    configuration.setMaxErrorRetry(0);
    configuration.setSLDEnabled(run.addressing().equals("path"));
    return OSSClientBuilder.create()
        .endpoint(run.endpoint())
        .credentialsProvider(provider)
        .clientConfiguration(configuration)
        .region("cn-hangzhou")
        .build();
  }

  private Map<String, Object> create() {
    if (!run.addressing().equals("cname")) {
      CreateBucketRequest request = new CreateBucketRequest(run.bucket());
      request.setCannedACL(CannedAccessControlList.Private);
      oss.createBucket(request);
    }
    BucketInfo info = oss.getBucketInfo(run.bucket());
    return seen("name", info.getBucket().getName(), "acl", info.getCannedACL().toString());
  }

  private Map<String, Object> put() throws Exception {
    ObjectMetadata metadata = new ObjectMetadata();
    metadata.setContentType("text/x-odd");
    metadata.setContentLength(big.length);
    metadata.addUserMetadata("colour", "green");
    PutObjectResult result = oss.putObject(run.bucket(), at("put"), new ByteArrayInputStream(big), metadata);
    ObjectMetadata head = oss.getObjectMetadata(run.bucket(), at("put"));
    GetObjectRequest ranged = new GetObjectRequest(run.bucket(), at("put"));
    ranged.setRange(5, 70004);
    return seen(
        "sha", read("put"),
        "crc", Long.toUnsignedString(result.getServerCRC()),
        "type", head.getContentType(),
        "colour", head.getUserMetadata().get("colour"),
        "range", sha(bytes(oss.getObject(ranged))));
  }

  private Map<String, Object> stream() throws Exception {
    // A stream whose length nobody knows goes out chunked.
    oss.putObject(run.bucket(), at("stream"), new ByteArrayInputStream(big));
    return seen("sha", read("stream"));
  }

  private Map<String, Object> managed() {
    write("managed", "m", "AES256", null);
    return protection("managed");
  }

  private Map<String, Object> kms() {
    write("kms", "k", "KMS", spec.key());
    return protection("kms");
  }

  private Map<String, Object> kmsDefault() {
    write("kms-default", "k", "KMS", null);
    Map<String, Object> told = protection("kms-default");
    return seen("algorithm", told.get("algorithm"), "named", told.get("key") != null);
  }

  private Map<String, Object> multipart() throws Exception {
    InitiateMultipartUploadRequest begin = new InitiateMultipartUploadRequest(run.bucket(), at("multipart"), encrypted("KMS", spec.key()));
    String upload = oss.initiateMultipartUpload(begin).getUploadId();
    List<PartETag> parts = new ArrayList<>();
    for (int from = 0, number = 1; from < big.length; from += spec.part(), number++) {
      int size = Math.min(spec.part(), big.length - from);
      UploadPartRequest part =
          new UploadPartRequest(run.bucket(), at("multipart"), upload, number, new ByteArrayInputStream(big, from, size), size);
      parts.add(oss.uploadPart(part).getPartETag());
    }
    List<Long> sizes = new ArrayList<>();
    for (PartSummary part : oss.listParts(new ListPartsRequest(run.bucket(), at("multipart"), upload)).getParts()) sizes.add(part.getSize());
    CompleteMultipartUploadResult result =
        oss.completeMultipartUpload(new CompleteMultipartUploadRequest(run.bucket(), at("multipart"), upload, parts));
    String crc = result.getServerCRC() == null ? null : Long.toUnsignedString(result.getServerCRC());
    return with(seen("parts", sizes, "sha", read("multipart"), "crc", crc), protection("multipart"));
  }

  private Map<String, Object> partCopy() throws Exception {
    String upload = oss.initiateMultipartUpload(new InitiateMultipartUploadRequest(run.bucket(), at("part-copy"))).getUploadId();
    List<PartETag> parts = new ArrayList<>();
    long[][] extents = {{0, spec.part()}, {spec.part(), big.length - spec.part()}};
    for (int number = 1; number <= extents.length; number++) {
      UploadPartCopyRequest part = new UploadPartCopyRequest(run.bucket(), at("put"), run.bucket(), at("part-copy"));
      part.setUploadId(upload);
      part.setPartNumber(number);
      part.setBeginIndex(extents[number - 1][0]);
      part.setPartSize(extents[number - 1][1]);
      parts.add(oss.uploadPartCopy(part).getPartETag());
    }
    oss.completeMultipartUpload(new CompleteMultipartUploadRequest(run.bucket(), at("part-copy"), upload, parts));
    return seen("sha", read("part-copy"));
  }

  private Map<String, Object> uploader() throws Exception {
    Path folder = Files.createTempDirectory("oss-java-");
    try {
      // The default part is 100 KiB: a hundred parts and more.
      UploadFileRequest up = new UploadFileRequest(run.bucket(), at("uploader"));
      up.setUploadFile(spec.uploader());
      up.setTaskNum(3);
      up.setObjectMetadata(encrypted("KMS", spec.key()));
      DownloadFileRequest down = new DownloadFileRequest(run.bucket(), at("uploader"));
      down.setDownloadFile(folder.resolve("back").toString());
      down.setPartSize(2 << 20);
      try {
        oss.uploadFile(up);
        oss.downloadFile(down);
      } catch (Exception error) {
        throw error;
      } catch (Throwable error) {
        throw new IllegalStateException(error);
      }
      return with(seen("sha", sha(Files.readAllBytes(folder.resolve("back")))), protection("uploader"));
    } finally {
      try (var files = Files.list(folder)) {
        for (Path file : files.toList()) Files.delete(file);
      }
      Files.delete(folder);
    }
  }

  private Map<String, Object> append() throws Exception {
    AppendObjectRequest first = new AppendObjectRequest(run.bucket(), at("append"), stream("one,"), encrypted("KMS", spec.key()));
    AppendObjectResult one = oss.appendObject(first.withPosition(0L).withInitCRC(0L));
    AppendObjectRequest second = new AppendObjectRequest(run.bucket(), at("append"), stream("two"));
    AppendObjectResult two = oss.appendObject(second.withPosition(one.getNextPosition()).withInitCRC(one.getClientCRC()));
    Map<String, Object> late =
        attempt(() -> oss.appendObject(new AppendObjectRequest(run.bucket(), at("append"), stream("late")).withPosition(1L)));
    return with(seen("next", two.getNextPosition(), "sha", read("append"), "late", late), protection("append"));
  }

  private Map<String, Object> copy() throws Exception {
    CopyObjectRequest kept = new CopyObjectRequest(run.bucket(), at("put"), run.bucket(), at("copy"));
    kept.setServerSideEncryption("AES256");
    oss.copyObject(kept);
    CopyObjectRequest changed = new CopyObjectRequest(run.bucket(), at("put"), run.bucket(), at("replaced"));
    changed.setServerSideEncryption("KMS");
    changed.setServerSideEncryptionKeyId(spec.key());
    ObjectMetadata metadata = new ObjectMetadata();
    metadata.addUserMetadata("colour", "red");
    changed.setNewObjectMetadata(metadata);
    oss.copyObject(changed);
    return seen(
        "sha", read("copy"),
        "algorithm", protection("copy").get("algorithm"),
        "colour", colour("copy"),
        "replaced", with(seen("colour", colour("replaced")), protection("replaced")));
  }

  private Map<String, Object> list() throws Exception {
    String below = at("keys/");
    for (String key : run.keys()) oss.putObject(run.bucket(), below + key, stream(key));
    List<String> v1 = new ArrayList<>();
    List<String> v2 = new ArrayList<>();
    List<String> folders = new ArrayList<>();
    ListObjectsRequest first = new ListObjectsRequest(run.bucket()).withPrefix(below).withMaxKeys(3);
    for (ObjectListing page = null; page == null || page.isTruncated(); ) {
      page = oss.listObjects(first);
      for (OSSObjectSummary object : page.getObjectSummaries()) v1.add(object.getKey().substring(below.length()));
      first.setMarker(page.getNextMarker());
    }
    ListObjectsV2Request second = new ListObjectsV2Request(run.bucket()).withPrefix(below).withMaxKeys(3);
    for (ListObjectsV2Result page = null; page == null || page.isTruncated(); ) {
      page = oss.listObjectsV2(second);
      for (OSSObjectSummary object : page.getObjectSummaries()) v2.add(object.getKey().substring(below.length()));
      second.setContinuationToken(page.getNextContinuationToken());
    }
    ListObjectsRequest third = new ListObjectsRequest(run.bucket()).withPrefix(below).withMaxKeys(3).withDelimiter("/");
    for (ObjectListing page = null; page == null || page.isTruncated(); ) {
      page = oss.listObjects(third);
      for (String prefix : page.getCommonPrefixes()) folders.add(prefix.substring(below.length()));
      third.setMarker(page.getNextMarker());
    }
    List<String> bodies = new ArrayList<>();
    for (String key : v1) bodies.add(new String(bytes(oss.getObject(run.bucket(), below + key)), StandardCharsets.UTF_8));
    return seen("v1", v1, "v2", v2, "folders", folders, "bodies", bodies);
  }

  private Map<String, Object> deleteMany() {
    String below = at("keys/");
    List<String> keys = run.keys().stream().map(key -> below + key).toList();
    DeleteObjectsRequest request = new DeleteObjectsRequest(run.bucket()).withKeys(keys);
    List<String> deleted = oss.deleteObjects(request).getDeletedObjects().stream().map(key -> key.substring(below.length())).toList();
    return seen("deleted", sorted(deleted), "left", oss.listObjectsV2(run.bucket(), below).getObjectSummaries().size());
  }

  private Map<String, Object> encryption() {
    List<Object> managed = rule("AES256", null);
    write("default", "d", null, null);
    Object object = protection("default").get("algorithm");
    List<Object> kms = rule("KMS", spec.key());
    write("default", "d", null, null);
    Map<String, Object> kmsObject = protection("default");
    oss.deleteBucketEncryption(run.bucket());
    Map<String, Object> after = attempt(() -> oss.getBucketEncryption(run.bucket()));
    return seen("managed", managed, "object", object, "kms", kms, "kmsObject", kmsObject, "after", after);
  }

  /** Sets the rule; answers what GetBucketEncryption and GetBucketInfo say of it. */
  private List<Object> rule(String algorithm, String key) {
    ServerSideEncryptionByDefault wanted = new ServerSideEncryptionByDefault(algorithm);
    if (key != null) wanted.setKMSMasterKeyID(key);
    ServerSideEncryptionConfiguration configuration = new ServerSideEncryptionConfiguration();
    configuration.setApplyServerSideEncryptionByDefault(wanted);
    oss.setBucketEncryption(new SetBucketEncryptionRequest(run.bucket(), configuration));
    ServerSideEncryptionByDefault told = oss.getBucketEncryption(run.bucket()).getApplyServerSideEncryptionByDefault();
    ServerSideEncryptionByDefault info =
        oss.getBucketInfo(run.bucket()).getServerSideEncryptionConfiguration().getApplyServerSideEncryptionByDefault();
    return List.of(
        Arrays.asList(told.getSSEAlgorithm(), orNull(told.getKMSMasterKeyID())),
        Arrays.asList(info.getSSEAlgorithm(), orNull(info.getKMSMasterKeyID())));
  }

  private Map<String, Object> presigned() throws Exception {
    String key = at("signed +%");
    GeneratePresignedUrlRequest request = new GeneratePresignedUrlRequest(run.bucket(), key, HttpMethod.PUT);
    request.setExpiration(soon());
    request.setContentType("text/plain");
    int put = fetch("PUT", oss.generatePresignedUrl(request), big).status();
    URL url = oss.generatePresignedUrl(run.bucket(), key, soon());
    Answer got = fetch("GET", url, null);
    int wrong = fetch("GET", URI.create(url + "&extra=1&acl").toURL(), null).status();
    return seen("put", put, "get", got.status(), "sha", sha(got.body()), "wrong", wrong);
  }

  private Map<String, Object> token() throws Exception {
    OSS sts = client(run.sts());
    try {
      sts.putObject(run.bucket(), at("token"), stream("by token"));
      Answer signed = fetch("GET", sts.generatePresignedUrl(run.bucket(), at("token"), soon()), null);
      String read = new String(bytes(sts.getObject(run.bucket(), at("token"))), StandardCharsets.UTF_8);
      return seen("read", read, "signed", List.of(signed.status(), new String(signed.body(), StandardCharsets.UTF_8)));
    } finally {
      sts.shutdown();
    }
  }

  private Map<String, Object> errors() {
    OSS denied = client(run.denied());
    OSS wrong = client(new Keys(run.credentials().id(), "wrong", null));
    Map<String, Object> seen =
        seen(
            "key", attempt(() -> oss.getObject(run.bucket(), at("missing"))),
            "head", attempt(() -> oss.getObjectMetadata(run.bucket(), at("missing"))),
            "denied", attempt(() -> denied.getObject(run.bucket(), at("put"))),
            "signature", attempt(() -> wrong.getObject(run.bucket(), at("put"))));
    if (!run.addressing().equals("cname")) seen.put("bucket", attempt(() -> oss.getObject(run.missing(), "x")));
    denied.shutdown();
    wrong.shutdown();
    return seen;
  }

  private String at(String name) {
    return run.prefix() + name;
  }

  private void write(String name, String text, String algorithm, String key) {
    oss.putObject(run.bucket(), at(name), stream(text), encrypted(algorithm, key));
  }

  private static ObjectMetadata encrypted(String algorithm, String key) {
    ObjectMetadata metadata = new ObjectMetadata();
    if (algorithm != null) metadata.setServerSideEncryption(algorithm);
    if (key != null) metadata.setServerSideEncryptionKeyId(key);
    return metadata;
  }

  private Map<String, Object> protection(String name) {
    ObjectMetadata head = oss.getObjectMetadata(run.bucket(), at(name));
    return seen("algorithm", head.getServerSideEncryption(), "key", head.getServerSideEncryptionKeyId());
  }

  private String colour(String name) {
    return oss.getObjectMetadata(run.bucket(), at(name)).getUserMetadata().get("colour");
  }

  private String read(String name) throws Exception {
    return sha(bytes(oss.getObject(run.bucket(), at(name))));
  }

  /** The SDK compares its CRC64 with the server's only where its caller asks. */
  private static byte[] bytes(OSSObject object) throws Exception {
    byte[] content;
    try (InputStream body = object.getObjectContent()) {
      content = body.readAllBytes();
    }
    if (object.getServerCRC() != null && object.getObjectMetadata().getRawMetadata().get("Content-Range") == null) {
      object.setClientCRC(com.aliyun.oss.common.utils.IOUtils.getCRCValue(object.getObjectContent()));
      com.aliyun.oss.internal.OSSUtils.checkChecksum(object.getClientCRC(), object.getServerCRC(), object.getRequestId());
    }
    return content;
  }

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  private static Date soon() {
    return new Date(System.currentTimeMillis() + 300_000);
  }

  record Answer(int status, byte[] body) {}

  /** A client without an SDK, for presigned URLs. */
  private static Answer fetch(String method, URL url, byte[] body) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) url.openConnection();
    connection.setRequestMethod(method);
    if (body != null) {
      connection.setDoOutput(true);
      connection.setRequestProperty("Content-Type", "text/plain");
      connection.getOutputStream().write(body);
    }
    int status = connection.getResponseCode();
    try (InputStream answer = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
      return new Answer(status, answer == null ? new byte[0] : answer.readAllBytes());
    }
  }

  private static Map<String, Object> attempt(Call call) {
    try {
      call.run();
      return seen("class", "none", "code", "succeeded", "status", 0);
    } catch (Exception error) {
      return failure(error);
    }
  }

  /** The SDK's exceptions carry no status but in the raw answer of the error. */
  private static Map<String, Object> failure(Exception error) {
    String code = error instanceof OSSException refused ? refused.getErrorCode() : String.valueOf(error);
    return seen("class", error.getClass().getSimpleName(), "code", code);
  }

  private static Map<String, Object> seen(Object... pairs) {
    Map<String, Object> seen = new LinkedHashMap<>();
    for (int index = 0; index < pairs.length; index += 2) seen.put((String) pairs[index], pairs[index + 1]);
    return seen;
  }

  private static Map<String, Object> with(Map<String, Object> one, Map<String, Object> more) {
    one.putAll(more);
    return one;
  }

  private static List<String> sorted(List<String> names) {
    return names.stream()
        .sorted((a, b) -> Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8)))
        .toList();
  }

  private static String orNull(String text) {
    return text == null || text.isEmpty() ? null : text;
  }

  private static String sha(byte[] content) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
  }
}
