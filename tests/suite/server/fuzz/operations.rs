//! The operations of S3 and the documents that they take.

/// Operations: method, whether on an object, query, body.
pub(super) const OPERATIONS: &[(&str, bool, &str, &str)] = &[
    ("GET", false, "", ""),
    ("GET", false, "list-type=2&max-keys=2", ""),
    ("GET", false, "list-type=2&delimiter=/&prefix=a&encoding-type=url", ""),
    ("GET", false, "versions&max-keys=3", ""),
    ("GET", false, "uploads&max-uploads=1", ""),
    ("GET", false, "location", ""),
    ("HEAD", false, "", ""),
    (
        "PUT",
        false,
        "",
        "<CreateBucketConfiguration><LocationConstraint>US</LocationConstraint></CreateBucketConfiguration>",
    ),
    ("DELETE", false, "", ""),
    (
        "PUT",
        false,
        "versioning",
        "<VersioningConfiguration><Status>Suspended</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>",
    ),
    (
        "PUT",
        false,
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>r</ID><Filter><And><Prefix>new</Prefix><Tag><Key>a</Key><Value>b</Value></Tag>\
         <ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter><Status>Enabled</Status><Expiration><Days>1</Days>\
         </Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>2\
         </NewerNoncurrentVersions></NoncurrentVersionExpiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>1\
         </DaysAfterInitiation></AbortIncompleteMultipartUpload><Transition><Date>2030-01-01T00:00:00Z</Date>\
         <StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>",
    ),
    (
        "PUT",
        false,
        "cors",
        "<CORSConfiguration><CORSRule><ID>c</ID><AllowedOrigin>http://*.example</AllowedOrigin><AllowedMethod>GET\
         </AllowedMethod><AllowedHeader>x-*</AllowedHeader><ExposeHeader>etag</ExposeHeader><MaxAgeSeconds>5</MaxAgeSeconds>\
         </CORSRule></CORSConfiguration>",
    ),
    ("PUT", false, "tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"),
    ("GET", false, "tagging", ""),
    (
        "PUT",
        false,
        "website",
        "<WebsiteConfiguration><IndexDocument><Suffix>k</Suffix></IndexDocument><ErrorDocument><Key>a</Key></ErrorDocument>\
         <RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a/</KeyPrefixEquals></Condition><Redirect>\
         <ReplaceKeyPrefixWith>b/</ReplaceKeyPrefixWith><HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>\
         </RoutingRules></WebsiteConfiguration>",
    ),
    (
        "PUT",
        false,
        "policy",
        "{\"Version\":\"2012-10-17\",\"Id\":\"p\",\"Statement\":[{\"Sid\":\"s\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\
         [\"arn:aws:iam:::user/bob\",\"*\"]},\"Action\":[\"s3:Get*\",\"s3:PutObject\",\"s3:ListBucket\"],\"Resource\":[\"arn:aws:s3:::BUCKET\",\
         \"arn:aws:s3:::BUCKET/*\"],\"Condition\":{\"StringLike\":{\"s3:prefix\":\"a*\"},\"IpAddress\":{\"aws:SourceIp\":\
         \"127.0.0.0/8\"},\"DateLessThan\":{\"aws:CurrentTime\":\"2099-01-01T00:00:00Z\"},\"NumericLessThan\":{\"s3:max-keys\":\
         5},\"Bool\":{\"aws:SecureTransport\":false},\"Null\":{\"aws:Referer\":true}}}]}",
    ),
    ("GET", false, "policy", ""),
    ("DELETE", false, "policy", ""),
    (
        "PUT",
        false,
        "ownershipControls",
        "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>",
    ),
    (
        "PUT",
        false,
        "publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>\
         <BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>false</RestrictPublicBuckets>\
         </PublicAccessBlockConfiguration>",
    ),
    (
        "PUT",
        false,
        "requestPayment",
        "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
    ),
    (
        "PUT",
        false,
        "notification",
        "<NotificationConfiguration><TopicConfiguration><Id>1</Id><Topic>arn:aws:sns:::t</Topic><Event>s3:ObjectCreated:*\
         </Event></TopicConfiguration></NotificationConfiguration>",
    ),
    (
        "PUT",
        false,
        "logging",
        "<BucketLoggingStatus><LoggingEnabled><TargetBucket>b</TargetBucket><TargetPrefix>l/</TargetPrefix></LoggingEnabled>\
         </BucketLoggingStatus>",
    ),
    (
        "PUT",
        false,
        "object-lock",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE\
         </Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
    ),
    ("GET", false, "object-lock", ""),
    (
        "POST",
        false,
        "delete",
        "<Delete><Quiet>false</Quiet><Object><Key>new1</Key></Object><Object><Key>../secret</Key><VersionId>null</VersionId>\
         </Object><Object><Key>a/b</Key></Object></Delete>",
    ),
    ("PUT", false, "acl", ACL),
    ("GET", false, "acl", ""),
    ("GET", true, "", ""),
    ("GET", true, "partNumber=1", ""),
    ("GET", true, "response-content-type=a/b&response-expires=x", ""),
    ("HEAD", true, "", ""),
    ("PUT", true, "", "some content"),
    ("PUT", true, "", ""),
    ("DELETE", true, "", ""),
    ("DELETE", true, "versionId=null", ""),
    ("GET", true, "versionId=null", ""),
    ("GET", true, "attributes", ""),
    ("GET", true, "acl", ""),
    ("PUT", true, "acl", ACL),
    ("PUT", true, "tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"),
    ("GET", true, "tagging", ""),
    ("DELETE", true, "tagging", ""),
    (
        "PUT",
        true,
        "retention",
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
    ),
    ("GET", true, "retention", ""),
    ("PUT", true, "legal-hold", "<LegalHold><Status>OFF</Status></LegalHold>"),
    ("GET", true, "legal-hold", ""),
    (
        "POST",
        true,
        "restore",
        "<RestoreRequest><Days>2</Days><GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters></RestoreRequest>",
    ),
    ("POST", true, "uploads", ""),
    ("PUT", true, "partNumber=1&uploadId=UPLOAD", "part"),
    ("PUT", true, "partNumber=2&uploadId=UPLOAD", "other part"),
    ("GET", true, "uploadId=UPLOAD&max-parts=1", ""),
    ("DELETE", true, "uploadId=UPLOAD", ""),
    (
        "POST",
        true,
        "uploadId=UPLOAD",
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"c4d871ad13ad00fde9a7bb7ff7ed2543\"</ETag>\
         <ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>",
    ),
    ("GET", true, "versionId=VERSION", ""),
    ("DELETE", true, "versionId=VERSION", ""),
    ("PUT", true, "tagging&versionId=VERSION", "<Tagging><TagSet/></Tagging>"),
    ("POST", true, "select&select-type=2", "<SelectObjectContentRequest/>"),
];

const ACL: &str = "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>alice</ID></Owner>\
     <AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
     <ID>bob</ID></Grantee><Permission>READ</Permission></Grant><Grant><Grantee xsi:type=\"Group\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>\
     <Permission>WRITE_ACP</Permission></Grant></AccessControlList></AccessControlPolicy>";
