/** Where a source finds images, and what it needs to know to look there. */
export type Place =
  | DirectoryPlace
  | HttpPlace
  | S3Place
  | OciPlace
  | SimplestreamsPlace
  | GitlabPackagesPlace
  | GitlabArtifactsPlace
  | GithubReleasesPlace
  | GithubArtifactsPlace

export type PlaceKind = Place['kind']

/** Files in a folder of the agent's machine, below what its owner opened for this. */
export interface DirectoryPlace {
  readonly kind: 'directory'
  readonly path: string
}

/** Files that a list of checksums names, as sha256sum writes it. */
export interface HttpPlace {
  readonly kind: 'http'
  /** The folder. */
  readonly url: string
  /** The list, in that folder: SHA256SUMS as a rule. */
  readonly sums: string
  /** An OpenPGP public key, armored, that has to have signed the list: in `<sums>.gpg` or, inline, itself. */
  readonly key?: string
}

export interface S3Place {
  readonly kind: 's3'
  readonly bucket: string
  readonly prefix: string
  /** AWS if not given. */
  readonly endpoint?: string
  readonly region?: string
  readonly pathStyle: boolean
}

export interface OciPlace {
  readonly kind: 'oci'
  /** The registry: https://registry.example. */
  readonly url: string
  readonly repository: string
}

export interface SimplestreamsPlace {
  readonly kind: 'simplestreams'
  /** What `streams/v1/index.json` lies below. */
  readonly url: string
  /** An OpenPGP public key, armored, that has to have signed the lists: `.sjson`, or `.json` with `.json.gpg` beside it. */
  readonly key?: string
}

/** GitLab's generic packages of a project. */
export interface GitlabPackagesPlace {
  readonly kind: 'gitlab-packages'
  /** https://gitlab.example */
  readonly url: string
  /** As in an address: group/project. */
  readonly project: string
  readonly package: string
}

/** What jobs of GitLab's pipelines left. */
export interface GitlabArtifactsPlace {
  readonly kind: 'gitlab-artifacts'
  readonly url: string
  readonly project: string
  readonly ref: string
  readonly job: string
}

/** What is attached to GitHub's releases. */
export interface GithubReleasesPlace {
  readonly kind: 'github-releases'
  /** The API: https://api.github.com */
  readonly url: string
  /** owner/name */
  readonly repository: string
}

/** What runs of a GitHub workflow left. */
export interface GithubArtifactsPlace {
  readonly kind: 'github-artifacts'
  readonly url: string
  readonly repository: string
  readonly branch?: string
}
